"""What viewers look at is measured, for as long as they look; the worker is a real one."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bnviz.charts.scene import View
from bnviz.config import RunConfig
from bnviz.recording import Note
from bnviz.serve.looking import attend
from bnviz.serve.messages import scene_of
from bnviz.serve.run import Run
from bnviz.source import Kept, Status
from tests.serve.conftest import Seat
from tests.support.server import wait_for

MOONS = RunConfig(dataset="spiral", depth=2, width=8, steps=1_000_000)


@pytest.fixture(scope="module")
def training(open_hub):
    return open_hub.start(MOONS, "me")


def look(seat, key=None, **view):
    seat.viewer.view, seat.viewer.key = View(**view), key
    seat.stream.refresh(seat.viewer)


def asked(run, unit, plane):
    """Wait until the worker has been asked for just that; it takes one command after another."""
    wait_for(lambda: run.looks.asked == (unit, plane))


def drain(seat):
    """Take what comes, as a socket would."""
    seat.woken.clear()
    return seat.viewer.take()


def test_the_owner_stops_and_looks_and_the_others_see_it(training):
    wait_for(lambda: training.status is Status.RUNNING and training.history.latest)
    owner, guest = Seat(training), Seat(training)
    try:
        look(guest, tab="update", unit=5)
        asked(training, None, plane=True)
        training.command("pause")
        wait_for(lambda: training.status is Status.PAUSED)  # a closeup would have come before that
        assert training.closeup is None  # a guest looks on, and asks for nothing
        look(owner, training.control, tab="update", layer=1, unit=2, net=0)
        closeup = wait_for(lambda: training.closeup)
        assert (closeup.arm, closeup.layer, closeup.unit) == ("none", 1, 2)
        frame = training.history.latest[0]
        assert (closeup.step, closeup.ics_l2, closeup.loss) == (frame.step, frame.ics_l2[1], frame.train_loss)
        scene = wait_for(lambda: (text := drain(guest)) and "words" in text and (json.loads(text).get("words")))
        assert scene["about"] == f"step {frame.step}"
        look(owner, training.control, tab="update", layer=1, unit=7, net=1)
        closeup = wait_for(lambda: training.closeup if training.closeup.unit == 7 else None)
        assert (closeup.arm, closeup.step) == ("batch", frame.step)  # another unit of the same step
        training.command("step")
        wait_for(lambda: training.closeup.step == frame.step + 1)
        assert training.history.latest[0].step == frame.step + 1
        assert scene_of(training, 0).closeup is None  # in the past
        training.command("play")
        wait_for(lambda: training.status is Status.RUNNING)
        assert scene_of(training, None).closeup is None
    finally:
        for seat in (owner, guest):
            seat.stream.leave(seat.viewer)
        training.command("play")


def test_the_plane_comes_while_somebody_looks_and_no_longer(training):
    wait_for(lambda: training.history.latest)
    seat = Seat(training)
    try:
        look(seat, tab="plane")
        wait_for(lambda: training.plane is not None)
        first = training.plane.step
        wait_for(lambda: training.plane.step > first)
        assert np.isfinite(training.plane.surfaces[1].probability).all()
        look(seat, tab="layers")
        asked(training, None, plane=False)
        training.command("pause")
        wait_for(lambda: training.status is Status.PAUSED)  # what was said before it is known by now
        training.command("play")
        last, step = training.plane.step, training.step
        wait_for(lambda: training.step > step + 200)
        assert training.plane.step == last
    finally:
        seat.stream.leave(seat.viewer)


def test_who_has_no_socket_and_who_has_one_do_not_undo_what_the_other_looks_at(training, monkeypatch):
    wait_for(lambda: training.status is Status.RUNNING and training.history.latest)
    asked_for = []
    send = training.worker.send
    monkeypatch.setattr(training.worker, "send", lambda name, **told: (asked_for.append(told), send(name, **told)))
    attend(training, "feed", [(View(tab="plane"), None)], seconds=1e6)
    seat = Seat(training)
    try:
        step = training.step
        wait_for(lambda: training.step > step + 200 and drain(seat))  # its stream has told more than once
        assert asked_for == [{"unit": None, "plane": True}]
        look(seat, training.control, tab="update", layer=1, unit=2, net=0)
        wait_for(lambda: training.looks.asked == ({"arm": "none", "layer": 1, "unit": 2}, True))
        attend(training, "feed", [(View(tab="layers"), None)], seconds=1e6)
        assert training.looks.asked[0] is not None  # the other one still looks
        attend(training, "feed", [(View(tab="update"), training.control)], seconds=-1)  # long gone
        look(seat, tab="layers")
        asked(training, None, plane=False)
    finally:
        seat.stream.leave(seat.viewer)


def test_a_recording_has_no_weights_to_look_at(training):
    wait_for(lambda: training.history.latest)
    kept = Kept(training.recording)
    assert scene_of(kept, None).moment == "none"
    stopped = Run(MOONS, "me")
    stopped.end(Status.STOPPED, "")
    assert scene_of(stopped, None).moment == "none"


@pytest.mark.parametrize("text", ["no json", "[]", "5", "{}", '{"inputs": 1}', '{"surfaces": [1]}', "[" * 10_000])
def test_a_picture_that_makes_no_sense_shows_nothing_new(run, text):
    for kind in ("closeup", "plane"):
        run.take(Note(kind, text))
    assert (run.closeup, run.plane, run.status) == (None, None, Status.RUNNING)
