"""A visitor who finds no room: the place in the queue, somebody else's run meanwhile, and the way in."""

from __future__ import annotations

import pytest

from bnviz.config import RunConfig
from bnviz.serve.admission import Admission, size
from bnviz.serve.admission.limits import Limits
from bnviz.serve.shared import Server, use
from bnviz.source import Status
from bnviz.ui.markdown import escaped
from tests.support.server import wait_for
from tests.ui.test_page import opened, player_data, run_of


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.setattr(size, "WORKER", 300_000_000)
    server = use(Server())
    server.open()
    server.hub.admission = Admission(Limits(memory=0.5))
    yield server.hub
    server.close()


def test_who_finds_no_room_sees_the_place_watches_another_run_and_is_taken_to_their_own(hub):
    theirs = hub.start(RunConfig(depth=2, width=8, dataset="iris", steps=1_000_000), "somebody")
    theirs.watch(lambda: None)
    wait_for(lambda: theirs.step > 0, 150)
    page = opened("depth=3")
    mine = run_of(page, hub)
    assert mine.status is Status.WAITING
    assert "number 1 in the queue" in page.info[0].value
    assert player_data(page)["run"] == mine.id
    page.slider(key="field_depth").set_value(2).run()  # settings may be chosen while one waits
    mine = run_of(page, hub)
    assert mine.config.depth == 2
    next(each for each in page.button if each.label == "Watch another run meanwhile").click().run()
    assert run_of(page, hub) is theirs
    assert player_data(page)["control"] is None
    assert any("number 1 in the queue" in each.value for each in page.info)
    assert "Back to my run" in [each.label for each in page.button]
    hub.stop(theirs)
    wait_for(lambda: mine.status is not Status.WAITING, 150)
    page.run()  # as its timer does
    assert run_of(page, hub) is mine
    assert player_data(page)["control"] == mine.control
    assert not page.exception


def test_networks_that_are_too_large_are_refused_with_the_figure(hub):
    page = opened("depth=2&dataset=iris")
    mine = run_of(page, hub)
    page.slider(key="field_depth").set_value(50).run()
    page.select_slider(key="field_width").set_value(512).run()
    assert escaped("and a run may take 0.5 GB here") in page.warning[0].value
    assert run_of(page, hub).config.width == mine.config.width
    assert not page.exception
