"""The tab "Sweep" through AppTest: what is asked for, what is wrong with it, and a sweep that is trained for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bnviz.serve.shared import Server, use
from bnviz.serve.shelf import Shelf
from bnviz.source import Status
from bnviz.sweeping.published import PUBLISHED
from bnviz.ui.markdown import escaped
from bnviz.ui.sweep_plan import duration
from tests.support.server import wait_for
from tests.ui.test_page import opened

QUERY = "tab=sweep&dataset=iris&depth=1&width=8&batch_size=30"


@pytest.fixture(autouse=True)
def server(tmp_path):
    server = use(Server())
    server.hub.shelf = Shelf(tmp_path)
    server.sweeps.processes = 1
    yield server
    server.close()


def markdown(page):
    return " ".join(each.value for each in page.markdown).replace("\\", "")


def test_where_no_sweeps_are_trained_it_says_how_to(server):
    server.sweeps.processes = 0
    page = opened(QUERY)
    assert "Sweeps are not trained on this server" in page.info[0].value
    assert not [each for each in page.button if each.key == "sweep-start"]


def test_it_counts_the_runs_and_says_what_is_wrong():
    page = opened(QUERY)
    assert "**60 runs** of 2 networks, 300 updates each." in markdown(page)
    page.text_input(key="sweep_values0").set_value("1, 2, 999").run()
    assert [each.value for each in page.error] == [escaped("depth must be a whole number from 1 to 50, got '999'.")]
    assert page.button(key="sweep-start").disabled
    page.text_input(key="sweep_values0").set_value("1..3").run()
    assert page.error[0].value.startswith(escaped("A range is A..B:N or A..B:logN"))
    page.text_input(key="sweep_values0").set_value("1, 2").run()
    assert not page.error
    page.selectbox(key="sweep_axis1").set_value("activation").run()
    assert page.text_input(key="sweep_values1").value == "identity, sigmoid, tanh, relu, leaky_relu, gelu, silu"
    assert "**42 runs**" in markdown(page)
    page.selectbox(key="sweep_axis1").set_value("").run()
    assert "**6 runs**" in markdown(page)
    page.selectbox(key="sweep_axis1").set_value("depth").run()
    assert "different settings" in page.error[0].value


def test_a_sweep_is_trained_judged_and_put_away(server):
    page = opened(QUERY)
    page.text_input(key="sweep_values0").set_value("1, 2").run()
    page.selectbox(key="sweep_axis1").set_value("").run()
    page.number_input(key="sweep_seeds").set_value(2).run()
    page.number_input(key="sweep_steps").set_value(40).run()
    page.button(key="sweep-start").click().run()
    assert not page.exception
    (found,) = server.sweeps._sweeps.values()
    assert (found.plan.base.steps, found.plan.seeds, found.plan.axes) == (40, 2, ("depth",))
    wait_for(lambda: found.status is Status.FINISHED, 150)
    page.run()
    assert not page.exception
    assert "**depth** 1, 2, over 2 seeds, 40 updates each." in markdown(page)
    assert "Test accuracy, batch against none, at 2 places over 2 seeds:" in markdown(page)
    assert len(page.dataframe[0].value) == 2
    assert len(page.dataframe[1].value) == 8
    page.selectbox(key="sweep_outcome").set_value("ics_relative").run()
    assert "median of layers, batch against none" in markdown(page)
    page.button(key="sweep-another").click().run()
    assert "**4 runs**" in markdown(page)  # as it was asked for


def test_a_published_picture_is_told_of_trained_and_judged(server, monkeypatch):
    small = replace(PUBLISHED["rate-against-depth"], plan=PUBLISHED["rate-against-depth"].small)
    monkeypatch.setitem(PUBLISHED, "rate-against-depth", small)
    page = opened(QUERY)
    page.selectbox(key="sweep_published").set_value("rate-against-depth").run()
    assert "Bjorck" in " ".join(each.value for each in page.caption)
    assert "**6 runs** of 2 networks, 150 updates each." in markdown(page)
    page.button(key="sweep-start").click().run()
    (found,) = server.sweeps._sweeps.values()
    wait_for(lambda: found.status is Status.FINISHED, 150)
    page.run()
    assert not page.exception
    assert page.selectbox(key="sweep_outcome").value == "train_accuracy"
    assert page.success[0].value.startswith("As published")


def test_a_run_is_opened_with_the_settings_of_its_cell(server):
    page = opened(QUERY)
    config = page.session_state["config"]
    page.session_state["open_config"] = type(config).from_query("dataset=wine&depth=2&width=8&seed=5&steps=40")
    page.run()
    run = server.hub.get(page.session_state["run"])
    assert (run.config.dataset, run.config.seed, run.config.steps) == ("wine", 5, 40)
    assert page.session_state["tab"] == "layers"


def test_how_long_in_words():
    assert [duration(seconds) for seconds in (0.2, 89, 600, 7200)] == ["1 s", "89 s", "10 min", "2.0 h"]
