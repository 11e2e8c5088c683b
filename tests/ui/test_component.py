"""The live component on the page, where it has no socket; with one it is tested in tests/browser."""

from __future__ import annotations

from bnviz.serve.shared import server
from bnviz.serve.viewers import Viewer
from bnviz.source import Status
from tests.support.server import wait_for
from tests.ui.test_page import hub, opened, player_data, run_of  # noqa: F401


def test_without_a_socket_the_page_feeds_the_component(hub):  # noqa: F811
    page = opened("depth=2")
    run = run_of(page, hub)
    wait_for(lambda: run.status is Status.PAUSED)  # nobody has looked yet
    at = run.step
    page.session_state["no_socket"] = True
    page.run()
    wait_for(lambda: run.step > at + 50)
    message = player_data(page)["message"]
    assert message["type"] == "scene"
    assert "gradient" in message["figures"]
    page.session_state["tab"] = "time"
    page.run()
    assert "density-1" in player_data(page)["message"]["figures"]


def test_a_speaker_without_a_socket_leads_too(hub):  # noqa: F811
    page = opened("depth=2")
    run = run_of(page, hub)
    follower = Viewer(lambda: None, audience=True, follows=True)
    stream = server().stream(run)
    stream.join(follower)
    try:
        page.session_state["no_socket"] = True
        page.session_state["tab"] = "time"
        page.run()
        wait_for(lambda: follower.looks_at()[0].tab == "time")
    finally:
        stream.leave(follower)
        server().forget_stream(run)
