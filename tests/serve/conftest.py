"""A run without its worker, and a viewer of it."""

from __future__ import annotations

import json
import threading

import pytest

from bnviz.config import RunConfig
from bnviz.recording import Recording
from bnviz.serve.hub import Hub
from bnviz.serve.run import Run
from bnviz.serve.shelf import Shelf
from bnviz.serve.stream import Stream
from bnviz.serve.viewer import Viewer
from bnviz.source import Status
from bnviz.training import train
from tests.support.server import wait_for

CONFIG = RunConfig(depth=2, width=8, steps=60)


@pytest.fixture(scope="module")
def steps():
    frames = list(train(CONFIG))
    return list(zip(frames[::2], frames[1::2], strict=True))


@pytest.fixture(scope="module")
def open_hub():
    """A hub with real workers, the same for all of a module: a new process takes seconds."""
    each = Hub()
    each.open()
    yield each
    each.close()


def without_runs(hub):
    """Stop all that train in it, and wait for their workers to be free."""
    for run in hub.runs():
        hub.stop(run)
    wait_for(lambda: all(run.worker is None for run in hub.runs()), seconds=150)


@pytest.fixture
def run(steps):
    run = Run(CONFIG, "me")
    run.status = Status.RUNNING
    run.take(steps[0])
    return run


class Seat:
    """A viewer that remembers what it was told."""

    def __init__(self, run):
        self.woken = threading.Event()
        self.viewer = Viewer(self.woken.set)
        self.stream = Stream(run)
        self.stream.join(self.viewer)

    def next(self):
        assert self.woken.wait(10)
        self.woken.clear()
        text = self.viewer.take()
        return None if text is None else json.loads(text)

    def until(self, kind):
        for _ in range(50):
            if (message := self.next()) and message["type"] == kind:
                return message
        raise AssertionError(kind)


@pytest.fixture
def seat(run):
    each = Seat(run)
    yield each
    each.stream.leave(each.viewer)


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path / "kept")


@pytest.fixture(scope="module")
def recording(steps):
    return Recording(CONFIG, tuple(frame for frames in steps for frame in frames))
