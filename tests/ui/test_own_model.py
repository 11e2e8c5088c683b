"""The operator's own model on the page, through AppTest and real workers."""

from __future__ import annotations

import pytest

from bnviz.serve.own_model import own_model
from bnviz.serve.shared import Server, use
from tests.serve.test_own_model import NET
from tests.support.server import wait_for
from tests.ui.test_page import opened, run_of


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    file = tmp_path_factory.mktemp("nets") / "mynet.py"
    file.write_text(NET)
    return {name: own_model(f"{file}:{name}") for name in ("make_model", "normalized")}


@pytest.fixture
def hub():
    server = use(Server())
    yield server.hub
    server.close()


def test_the_page_opens_on_it_and_its_switches_act_in_the_running_net(hub, models):
    hub.own_model = models["make_model"]
    page = opened()
    run = run_of(page, hub)
    assert [arm.label for arm in run.config.arms] == ["as_is", "batch"]
    wait_for(lambda: run.step > 0)
    assert run.description.layers == run.history.latest[0].layers == ("hidden", "head")
    assert "make\\_model \\(mynet\\.py\\)" in page.sidebar.caption[0].value
    assert not [each for each in page.slider if each.key == "field_depth"]
    assert "Left as it is" not in " ".join(each.value for each in page.caption)
    page.toggle(key="arm0_on").set_value(True).run()
    assert run_of(page, hub) is run
    assert [arm.label for arm in run.config.arms] == ["batch", "batch"]
    wait_for(lambda: any(event.changes.get("normalization") == "batch" for event in run.history.snapshot()[1]))
    page.toggle(key="arm0_on").set_value(False).run()
    assert [arm.label for arm in run.config.arms] == ["as_is", "batch"]


def test_bnviz_s_own_nets_are_still_there(hub, models):
    hub.own_model = models["make_model"]
    page = opened()
    page.selectbox(key="field_model").set_value("mlp").run()
    assert not page.exception
    config = run_of(page, hub).config
    assert config.model == "mlp"
    assert [arm.label for arm in config.arms] == ["none", "batch"]
    page.selectbox(key="field_model").set_value("own").run()
    assert [arm.label for arm in run_of(page, hub).config.arms] == ["as_is", "batch"]
    page.selectbox(key="preset").set_value("relu-lr").run()
    assert not page.exception
    assert run_of(page, hub).config.model == "mlp"


def test_a_model_that_has_batchnorm_is_shown_with_it_and_without(hub, models):
    hub.own_model = models["normalized"]
    page = opened()
    assert [arm.label for arm in run_of(page, hub).config.arms] == ["as_is", "none"]
    assert page.toggle(key="arm0_on").value is True
    assert page.toggle(key="arm1_on").value is False
    wait_for(lambda: run_of(page, hub).step > 0)
    page.selectbox(key="field_dataset").set_value("iris").run()
    wait_for(lambda: run_of(page, hub).status.value == "failed")
    assert "must take samples of shape (4,)" in run_of(page, hub).text


def test_a_link_to_a_model_that_is_not_here_is_said_and_a_net_of_ours_is_trained(hub):
    page = opened("model=own&arms=as_is,batch&seed=5")
    assert "model own is the model that a server was started with" in page.warning[0].value
    config = run_of(page, hub).config
    assert (config.model, config.seed, config.arms[0].label) == ("mlp", 5, "none")
