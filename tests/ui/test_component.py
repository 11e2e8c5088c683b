"""The live component on the page, where it has no socket; with one it is tested in tests/browser."""

from __future__ import annotations

import json

from bnviz.serve.shared import server
from bnviz.serve.viewer import Viewer
from bnviz.source import Status
from bnviz.ui import passing
from tests.support.server import wait_for
from tests.ui.test_page import hub, opened, run_of  # noqa: F401


def passed(page) -> dict:
    """What the page passes on to the live component."""
    return json.loads(next(each.proto.json for each in page.get("bidi_component") if "message" in each.proto.json))


def test_without_a_socket_the_page_feeds_the_component(hub):  # noqa: F811
    page = opened("depth=2")
    run = run_of(page, hub)
    wait_for(lambda: run.status is Status.PAUSED)  # nobody has looked yet
    at = run.step
    page.session_state["hidden"] = {"socket"}
    page.run()
    wait_for(lambda: run.step > at + 50)
    message = passed(page)["message"]
    assert message["type"] == "scene"
    assert "gradient" in message["figures"]
    page.session_state["tab"] = "time"
    page.run()
    assert "density-1" in passed(page)["message"]["figures"]


def test_a_speaker_without_a_socket_leads_too(hub):  # noqa: F811
    page = opened("depth=2")
    run = run_of(page, hub)
    follower = Viewer(lambda: None, audience=True, follows=True)
    stream = server().stream(run)
    stream.join(follower)
    try:
        page.session_state["hidden"] = {"socket"}
        page.session_state["tab"] = "time"
        page.run()
        wait_for(lambda: follower.looks_at()[0].tab == "time")
    finally:
        stream.leave(follower)
        server().forget_stream(run)


def test_what_the_host_hides_is_brought_and_no_longer_once_it_is_there(hub):  # noqa: F811
    page = opened("depth=2")
    assert len(page.get("bidi_component")) == 1
    page.session_state["hidden"] = {"socket", "plotly"}
    page.run()
    assert [each.proto.component_name for each in page.get("bidi_component")] == [
        "bnviz.player", "bnviz.plotly", "bnviz.passing",
    ]  # fmt: skip
    assert passed(page)["health"]["runs"] == 1
    page.session_state["hidden"] = set()
    page.run()
    assert len(page.get("bidi_component")) == 1


def test_only_what_can_be_hidden_is_taken_as_such(hub):  # noqa: F811
    for found, hidden in (({"socket": True, "x": True}, {"socket"}), ({"plotly": 1}, set()), ("socket", set())):
        passing.st.session_state["hidden"] = set()
        passing.take_hidden(found)
        assert passing.st.session_state["hidden"] == hidden
