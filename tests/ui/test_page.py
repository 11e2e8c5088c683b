"""The page through AppTest: widgets in, runs out. What the browser draws is tested in tests/browser."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

import pytest
from streamlit.testing.v1 import AppTest

from bnviz.config import Arm, RunConfig
from bnviz.presets import LIVE_STEPS, PRESETS, live
from bnviz.recording import Recording
from bnviz.serve.shared import Server, use
from bnviz.source import Kept
from bnviz.ui import PAGE
from bnviz.ui.markdown import escaped
from tests.support.server import wait_for


@pytest.fixture(autouse=True)
def hub():
    server = use(Server())
    yield server.hub
    server.close()


def opened(query: str = "") -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=30)
    for name, text in parse_qsl(query):
        page.query_params[name] = text
    page.run()
    assert not page.exception
    return page


def run_of(page, hub):
    return hub.get(page.session_state["run"])


def link_of(page):
    return {name: texts[0] if isinstance(texts, list) else texts for name, texts in page.query_params.items()}


def test_opening_the_page_starts_the_default_run(hub):
    page = opened()
    run = run_of(page, hub)
    assert run.config == RunConfig(steps=LIVE_STEPS)
    wait_for(lambda: run.step > 0)
    assert link_of(page)["run"] == run.id
    assert page.selectbox(key="preset").value == "sigmoid-depth"


def test_a_link_restores_every_setting_the_seed_included(hub):
    config = RunConfig(
        dataset="moons", depth=3, width=48, activation="tanh", learning_rate=0.123, batch_size=33, seed=77,
        init="orthogonal", weight_scale=0.77, optimizer="adam", measure_every=7, data_noise=0.35, steps=123_456,
        arms=(Arm("batch", noise=True), Arm("layer"), Arm("none", learning_rate=0.01)),
    )  # fmt: skip
    page = opened(config.to_query())
    assert run_of(page, hub).config == config
    link = link_of(page)
    link.pop("run")
    assert RunConfig.from_dict(link) == config
    page.run()
    assert run_of(page, hub).config == config  # drawing the widgets changes nothing


def test_a_bad_value_in_the_link_is_said_and_costs_that_field_alone(hub):
    page = opened("depth=99&width=32&learning_rate=fast&color=red")
    said = " ".join(each.value for each in page.warning)
    assert escaped("depth must be a whole number from 1 to 50, got '99'.") in said
    assert escaped("learning_rate must be a number from 0 to 1000, got 'fast'.") in said
    assert escaped("'color'") in said
    assert run_of(page, hub).config == live(RunConfig(width=32))


def test_what_can_change_does_so_without_a_reset(hub):
    page = opened()
    run = run_of(page, hub)
    page.toggle(key="arm0_on").set_value(True).run()
    page.select_slider(key="field_learning_rate").set_value(0.1).run()
    assert run_of(page, hub) is run
    wait_for(lambda: len(run.history.snapshot()[1]) == 2)
    assert run.config.arms == (Arm("batch"), Arm("batch"))
    assert link_of(page)["arms"] == "batch,batch"
    assert page.selectbox(key="preset").value == "own"
    assert "no reset" in page.toast[-1].value


def test_what_can_not_starts_anew_and_the_page_says_so(hub):
    page = opened()
    run = run_of(page, hub)
    page.slider(key="field_depth").set_value(3).run()
    after = run_of(page, hub)
    assert after is not run
    assert after.id == run.id
    assert after.config.depth == 3
    assert "depth" in page.toast[-1].value
    page.pills(key="field_activation").set_value("relu").run()
    assert run_of(page, hub).config.activation == "relu"
    assert run_of(page, hub).config.depth == 3


def test_networks_can_be_added_and_removed(hub):
    page = opened("depth=2")
    page.button(key="add_arm").click().run()
    assert run_of(page, hub).config.arms == (Arm("none"), Arm("batch"), Arm("batch"))
    page.button(key="arm0_remove").click().run()
    assert run_of(page, hub).config.arms == (Arm("batch"), Arm("batch"))
    page.selectbox(key="arm1_kind").set_value("layer").run()
    assert run_of(page, hub).config.arms == (Arm("layer"), Arm("batch"))


def test_a_preset_sets_all_controls(hub):
    page = opened("depth=3&seed=5")
    assert page.selectbox(key="preset").value == "own"
    page.selectbox(key="preset").set_value("relu-lr").run()
    assert run_of(page, hub).config == live(PRESETS["relu-lr"].config)
    assert page.slider(key="field_depth").value == PRESETS["relu-lr"].config.depth


def test_settings_that_do_not_go_together_are_said_and_the_run_goes_on(hub):
    page = opened("depth=2")
    run = run_of(page, hub)
    page.select_slider(key="field_batch_size").set_value(1).run()
    assert escaped("batch_size must be at least 2 with BatchNorm, got 1") in page.warning[0].value
    assert run_of(page, hub) is run
    assert not page.exception


@pytest.mark.parametrize("dataset", ["iris", "spiral", "gaussian"])
def test_another_data_set_brings_what_goes_with_it(hub, dataset):
    page = opened("depth=2")
    page.selectbox(key="field_dataset").set_value(dataset).run()
    run = run_of(page, hub)
    assert run.config.dataset == dataset
    assert run.config.loss == ("squared_error" if dataset == "gaussian" else "cross_entropy")
    wait_for(lambda: run.step > 0)


def test_the_link_of_a_run_shows_that_run_and_not_to_steer(hub):
    mine = opened("depth=2")
    run = run_of(mine, hub)
    theirs = opened(f"run={run.id}")
    assert run_of(theirs, hub) is run
    assert "watching" in theirs.info[0].value
    data = player_data(theirs)
    assert data["run"] == run.id
    assert data["control"] is None
    assert player_data(mine)["control"] == run.control
    theirs.button[0].click().run()
    assert run_of(theirs, hub) is not run
    assert run_of(theirs, hub).config == run.config


def player_data(page) -> dict:
    proto = next(each.proto for each in page.main if each.type == "bidi_component")
    return json.loads(proto.json)


def test_a_run_that_is_no_more_is_started_again_from_its_settings(hub):
    page = opened("depth=4&run=long-gone")
    assert run_of(page, hub).config.depth == 4


def test_the_keyboard_flips_the_switch_of_an_arm(hub):
    page = opened("depth=2")
    page.session_state["toggle"] = 0
    page.run()
    assert page.toggle(key="arm0_on").value is True
    assert run_of(page, hub).config.arms[0] == Arm("batch")


@pytest.mark.parametrize(("tab", "words"), [("presets", "Sigmoid depth"), ("about", "Gradient norm")])
def test_a_tab_of_text_is_in_the_link_and_drawn_below(hub, tab, words):
    page = opened(f"depth=2&tab={tab}")
    assert player_data(page)["tab"] == link_of(page)["tab"] == tab
    said = " ".join([each.value for each in page.main.markdown] + [each.label for each in page.expander])
    assert words in said


def test_an_unknown_tab_is_said_and_the_first_is_open(hub):
    page = opened("depth=2&tab=weather")
    names = "layers, time, landscape, modes, updates, update, plane, findings, presets"
    assert escaped(f"tab must be one of {names}") in page.warning[0].value
    assert player_data(page)["tab"] == "layers"
    assert "tab" not in link_of(page)


def test_starting_a_preset_goes_back_to_the_charts(hub):
    page = opened("depth=2&tab=presets")
    turn = player_data(page)["turn"]
    next(each for each in page.button if each.label == "Start" and "relu-lr" in each.key).click().run()
    assert run_of(page, hub).config == live(PRESETS["relu-lr"].config)
    assert (player_data(page)["tab"], player_data(page)["turn"]) == ("layers", turn + 1)


@pytest.mark.parametrize(
    ("asked", "landscape"),
    [({"landscape": "0.5-4"}, "0.5-4"), ({"landscape": "9"}, "off"), ({"landscape": ["off"]}, "off"), (3, "off")],
)
def test_the_landscape_is_measured_when_asked_for_with_no_reset(hub, asked, landscape):
    page = opened("depth=2")
    run = run_of(page, hub)
    page.session_state["setting"] = asked
    page.run()
    assert not page.exception
    assert run_of(page, hub) is run
    assert run.config.landscape == page.selectbox(key="field_landscape").value == landscape


def test_momentum_is_shown_with_batchnorm_and_remembered_without(hub):
    page = opened("depth=2&bn_momentum=0.3")
    run = run_of(page, hub)
    assert page.slider(key="field_bn_momentum").value == 0.3
    page.toggle(key="arm1_on").set_value(False).run()
    assert "field_bn_momentum" not in [each.key for each in page.slider]
    page.toggle(key="arm1_on").set_value(True).run()
    assert page.slider(key="field_bn_momentum").value == run.config.bn_momentum == 0.3
    page.slider(key="field_bn_momentum").set_value(0.05).run()
    assert run_of(page, hub) is run
    assert run.config.bn_momentum == 0.05


def test_a_trick_starts_anew(hub):
    page = opened("depth=4")
    run = run_of(page, hub)
    page.selectbox(key="arm0_trick").set_value("auxiliary").run()
    assert run_of(page, hub) is not run
    assert run_of(page, hub).config.arms == (Arm("none", trick="auxiliary"), Arm("batch"))


def test_who_comes_without_a_link_sees_what_was_opened(hub):
    kept = Kept(Recording(RunConfig(depth=1)))
    hub.add(kept)
    hub.front = kept.id
    assert run_of(opened(), hub) is kept
    assert run_of(opened("seed=3"), hub).config.seed == 3
