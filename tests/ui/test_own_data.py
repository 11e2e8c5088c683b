"""A file of one's own on the page, through AppTest: dropped, changed, refused, opened by its link."""

from __future__ import annotations

import shutil

import pytest
from streamlit.testing.v1 import AppTest

from bnviz.config import RunConfig
from bnviz.data.own import store
from bnviz.serve.shared import Server, use
from bnviz.source import Status
from bnviz.ui.markdown import escaped
from bnviz.ui.own_data import FILE
from tests.data.files import SHIPPED, images, table, write
from tests.support.server import wait_for
from tests.ui.test_page import link_of, opened, run_of

WINES = (SHIPPED / "wine_data.csv").read_bytes()


@pytest.fixture(autouse=True)
def hub(tmp_path, monkeypatch):
    monkeypatch.setenv("BNVIZ_DATA", str(tmp_path / "kept"))
    server = use(Server())
    yield server.hub
    server.close()


def dropped(page: AppTest, name: str, raw: bytes) -> AppTest:
    if page.selectbox(key="field_dataset").value != FILE:
        page.selectbox(key="field_dataset").set_value(FILE).run()
    page.file_uploader(key="own_file").set_value((name, raw, "")).run(timeout=60)
    assert not page.exception
    return page


def control(kind, name):
    """The control of a file whose key has its hash in it."""
    (found,) = [each for each in kind if str(each.key).startswith(f"own_{name}_")]
    return found


def said(page: AppTest) -> str:
    return " ".join(each.value for each in page.sidebar.caption)


def test_a_dropped_file_is_learned_from(hub):
    page = opened("depth=2&steps=1000000")
    before = run_of(page, hub)
    page.selectbox(key="field_dataset").set_value(FILE).run()
    assert run_of(page, hub) is before  # until there is something else to learn from
    dropped(page, "wine.csv", WINES)
    run = run_of(page, hub)
    assert run.config.data.shape == (13,)
    assert run.config.depth == 2
    assert link_of(page)["dataset"] == run.config.dataset
    assert escaped("142 rows to train and 36 to test: 13 features, 3 classes (0, 1, 2).") in said(page)
    wait_for(lambda: run.step > 0)


def test_target_and_task_are_found_and_can_be_changed(hub):
    page = dropped(opened("depth=2"), "wine.csv", WINES)
    first = run_of(page, hub).config
    assert control(page.selectbox, "target").value == "column 14"
    assert control(page.pills, "task").value == "classification"
    control(page.selectbox, "target").set_value("column 1").run(timeout=60)
    numbers = run_of(page, hub).config
    assert numbers.data.classes == 0
    assert (numbers.loss, numbers.learning_rate) == ("mean_squared_error", 0.03)
    assert page.selectbox(key="field_loss").value == "mean_squared_error"
    assert "learning rate 0.03" in page.toast[-1].value
    control(page.selectbox, "target").set_value("column 14").run(timeout=60)
    assert run_of(page, hub).config.dataset == first.dataset
    assert run_of(page, hub).config.loss == "cross_entropy"
    control(page.pills, "task").set_value("regression").run(timeout=60)
    assert run_of(page, hub).config.data.classes == 0
    assert not page.exception


def test_what_cannot_be_used_is_said_in_place_and_the_run_goes_on(hub, tmp_path):
    page = dropped(opened("depth=2"), "a*b*.csv", b"a\n1\n2\n")
    run = run_of(page, hub)
    assert run.config == RunConfig(depth=2, steps=run.config.steps)
    assert [each.value for each in page.sidebar.error] == [
        escaped("a*b*.csv has one column, a; a target and at least one feature are needed.")
    ]
    flat = write(tmp_path / "d.csv", table(label=["yes"] * 40)).read_bytes()
    dropped(page, "flat.csv", flat)
    assert escaped("is yes in every row") in page.sidebar.error[0].value
    control(page.selectbox, "target").set_value("kind").run(timeout=60)  # its columns are known all the same
    assert not page.sidebar.error
    assert run_of(page, hub).config.data.classes == 3


def test_images_are_for_both_kinds_of_nets(hub, tmp_path):
    page = dropped(opened("depth=2&width=8"), "d.npz", images(tmp_path / "d.npz", 60, 8, 8).read_bytes())
    assert not [each for each in page.selectbox if str(each.key).startswith("own_target")]
    page.selectbox(key="field_model").set_value("cnn").run()
    run = run_of(page, hub)
    assert (run.config.model, run.config.data.shape) == ("cnn", (1, 8, 8))
    wait_for(lambda: run.step > 0)
    page.selectbox(key="field_dataset").set_value("iris").run()
    assert run_of(page, hub).config.model == "mlp"
    assert not page.exception
    page.selectbox(key="field_dataset").set_value(run.config.dataset).run()  # stays in the box
    assert run_of(page, hub).config.dataset == run.config.dataset


def test_a_link_to_a_set_that_is_here_shows_its_file_and_elsewhere_says_so(hub):
    config = run_of(dropped(opened("depth=2"), "wine.csv", WINES), hub).config
    page = opened(config.to_query())
    run = run_of(page, hub)
    assert run.config == config
    assert "wine.csv, column 14" in page.selectbox(key="field_dataset").options
    assert escaped("13 features") in said(page)
    wait_for(lambda: run.step > 0)
    shutil.rmtree(store.folder())
    page = opened(config.to_query())
    run = run_of(page, hub)
    wait_for(lambda: run.status is Status.FAILED)
    assert "somebody's own file, which is not on this machine" in run.text
    assert "is not on this machine" in said(page).replace("\\", "")
    dropped(page, "wine.csv", WINES)  # whoever has it adds it
    assert run_of(page, hub).config == config
    assert run_of(page, hub) is not run
    wait_for(lambda: run_of(page, hub).step > 0)


def test_what_made_room_for_others_is_prepared_again(hub):
    page = dropped(opened("depth=2"), "wine.csv", WINES)
    dataset = run_of(page, hub).config.dataset
    shutil.rmtree(store.folder())
    page.run(timeout=60)
    assert not page.exception
    assert store.about(dataset) is not None


def test_a_path_in_a_link_is_refused(hub):
    page = opened("dataset=/etc/passwd.csv&depth=2")
    assert "dataset must be one of digits" in page.warning[0].value
    assert escaped("/etc/passwd.csv") in page.warning[0].value
    assert run_of(page, hub).config.dataset == "digits"


def test_squared_error_of_classes_is_a_choice(hub):
    page = opened("depth=2&learning_rate=0.1")
    page.selectbox(key="field_loss").set_value("mean_squared_error").run()
    run = run_of(page, hub)
    assert run.config == RunConfig(depth=2, learning_rate=0.1, loss="mean_squared_error", steps=run.config.steps)
    wait_for(lambda: run.step > 0)
    page.selectbox(key="field_dataset").set_value("iris").run()
    assert run_of(page, hub).config.loss == "cross_entropy"
