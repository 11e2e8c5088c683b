"""A server that takes no more, and a run that gave way, as sockets see them."""

from __future__ import annotations

import json

import pytest
from websockets.exceptions import ConnectionClosed

from bnviz.serve.admission.limits import Limits
from bnviz.serve.admission.size import estimate
from bnviz.serve.shared import server
from bnviz.serve.sockets import steer
from bnviz.source import Status
from tests.serve.test_app import CONFIG, port, receive, run, socket_of  # noqa: F401
from tests.support.server import wait_for


def test_there_is_an_end_to_the_number_of_viewers(port, run, monkeypatch):  # noqa: F811
    monkeypatch.setattr(server().hub.admission, "limits", Limits(viewers=1))
    with socket_of(port, run) as first, socket_of(port, run) as second:
        assert receive(first, lambda m: True)["type"] == "scene"
        told = receive(second, lambda m: True)
        assert told["full"] is True
        assert told["text"].startswith("1 pages are watching here already, as many as this server takes")
        with pytest.raises(ConnectionClosed):
            second.recv(timeout=20)


def test_a_fork_for_which_there_is_no_memory_is_refused_with_the_figure(port, run, monkeypatch):  # noqa: F811
    fork = {"command": "fork", "arm": "none", "control": run.control}
    with monkeypatch.context() as narrow:
        narrow.setattr(Limits, "one_run", estimate(run.config))
        steer(server(), run, fork)
        assert run.text.startswith("These networks would need about 0.1 GB of memory, and a run may take")
    steer(server(), run, fork)
    wait_for(lambda: len(run.labels) == len(CONFIG.arms) + 1)


def test_a_new_start_for_which_there_is_no_memory_is_refused_and_the_run_goes_on(port, run, monkeypatch):  # noqa: F811
    monkeypatch.setattr(Limits, "one_run", estimate(run.config) - 1)
    steer(server(), run, {"command": "restart", "control": run.control})
    wait_for(lambda: run.text.startswith("These networks would need about 0.1 GB of memory"))
    assert run.status.live


def test_a_run_that_gave_way_comes_back_when_its_owner_does_and_not_for_others(port, run):  # noqa: F811
    wait_for(lambda: run.step > 100)
    server().hub._give_way(run)
    wait_for(lambda: run.worker is None)
    at = run.step
    with socket_of(port, run) as other:
        assert receive(other, lambda m: True)["status"] == "waiting"
        other.send(json.dumps({"command": "play", "control": "guessed"}))
        with socket_of(port, run) as owner:
            assert run.worker is None
            owner.send(json.dumps({"view": {}, "control": run.control}))
            wait_for(lambda: run.status is Status.RUNNING and run.step > at, 150)
    assert server().hub.get(run.id) is run
