"""Forks, also from the past, drops and undoing, in a run with a real worker."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bnviz.config import Arm, RunConfig
from bnviz.frames import Event
from bnviz.lineup import lineup
from bnviz.recording import Recording
from bnviz.serve.sockets import command_of_arms
from bnviz.source import Kept, Status
from bnviz.training import record
from bnviz.training.replay import replayed
from tests.support.server import wait_for

CONFIG = RunConfig(depth=2, width=8, steps=200, dataset="iris", learning_rate=0.1)


@pytest.fixture
def run(open_hub):
    each = open_hub.start(CONFIG, "me")
    wait_for(lambda: each.status is Status.FINISHED)
    yield each
    open_hub.stop(each)
    wait_for(lambda: each.worker is None)


def steps_of(recording, label):
    return [frame.step for frame in recording.frames if frame.arm == label]


def test_a_fork_from_the_past_is_trained_to_where_the_run_is(run):
    before = run.recording
    run.command("fork", arm="none", fields={"normalization": "layer"}, at=95)
    wait_for(lambda: run.status is Status.FINISHED and "layer" in run.labels and run.step == 199 and not run.text)
    assert run.config.arms == (Arm("none"), Arm("batch"), Arm("layer"))
    now = run.recording
    assert now.events == (Event(95, "fork", "none", {"normalization": "layer", "label": "layer", "place": "2"}),)
    assert steps_of(now, "layer") == [*range(100, 200, 10), 199]
    assert steps_of(now, "batch")[:-1] == steps_of(before, "batch")
    for one, two in zip(before.frames, [f for f in now.frames if f.arm != "layer" and f.step != 199], strict=True):
        assert (one.step, one.arm, one.train_loss) == (two.step, two.arm, two.train_loss)
        np.testing.assert_array_equal(one.grad_norm, two.grad_norm)
        np.testing.assert_array_equal(one.ics_l2, two.ics_l2)
    # It is what Python makes of the same events.
    there = replayed(CONFIG, now.events, 100)
    frames = next(item for item in record(there) if not isinstance(item, Event))
    shown = next(frame for frame in now.frames if frame.arm == "layer")
    assert (frames[2].arm, frames[2].train_loss) == ("layer", shown.train_loss)
    # On disk it is the same, whoever reads it and whenever.
    kept = Recording.load(run.file)
    assert [(f.step, f.arm, f.train_loss) for f in kept.frames] == [(f.step, f.arm, f.train_loss) for f in now.frames]
    assert kept.events == now.events
    assert [frames[0].step for frames in Kept(kept).history.snapshot()[0]] == [*range(0, 200, 10), 199]


def test_undone_renamed_and_dropped_while_the_run_stands(run):
    run.command("change", arm="batch", fields={"normalization": "none"})
    run.command("play")
    run.command("undo", arm="none")
    wait_for(lambda: "batch (2)" in run.labels)
    wait_for(lambda: len(run.history.snapshot()[1]) == 3)
    fork, change, longer = run.history.snapshot()[1]
    assert [(each.kind, each.arm, each.step) for each in (fork, change, longer)] == [
        ("fork", "batch", 200), ("change", "batch", 200), ("change", None, 200),
    ]  # fmt: skip
    assert run.config.arms[2] == Arm("batch")
    run.command("undo", arm="none")
    wait_for(lambda: "undone already" in run.text)
    assert len(run.labels) == 3
    run.command("rename", arm="batch (2)", name=" as  it was ")
    run.drop("none")
    assert run.labels == ("batch", "batch (2)")
    assert run.config.arms == (Arm("batch"), Arm("batch"))
    wait_for(lambda: {event.kind for event in run.history.snapshot()[1]} >= {"drop", "rename"})
    members = lineup(run.started_with, run.history.snapshot()[1])
    assert [(label, each.place, each.name) for label, each in members.items()] == [
        ("batch", 1, ""), ("batch (2)", 2, "as it was"),
    ]  # fmt: skip
    wait_for(lambda: run.history.latest and [frame.arm for frame in run.history.latest] == ["batch", "batch (2)"])


@pytest.fixture
def long_run(open_hub):
    """A run that takes a while to go back."""
    each = open_hub.start(RunConfig(depth=2, width=8, dataset="iris", steps=1_000_000, measure_every=100), "me")
    wait_for(lambda: each.step > 1500)
    yield each
    open_hub.stop(each)
    wait_for(lambda: each.worker is None)


def at_once(run, *commands):
    """Send commands together, so that the later ones find the run on the way back that the first one began."""
    lines = [json.dumps({"command": name, **values}) + "\n" for name, values in commands]
    run.worker.stdin.write("".join(lines).encode())
    run.worker.stdin.flush()


BACK = ("fork", {"arm": "batch", "fields": {"learning_rate": "0.2"}, "at": 0})


def test_pausing_holds_the_way_back_and_what_is_asked_meanwhile_comes_after_it(long_run):
    change = ("change", {"arm": "none", "fields": {"normalization": "group"}})
    at_once(long_run, BACK, change, ("pause", {}))
    wait_for(lambda: long_run.status is Status.PAUSED)
    assert long_run.history.snapshot()[1] == []  # it rests on the way
    long_run.command("play")
    wait_for(lambda: len(long_run.history.snapshot()[1]) == 2)
    fork, change = long_run.history.snapshot()[1]
    assert (fork.step, fork.changes["label"]) == (0, "batch@0.2")
    assert (change.kind, change.arm) == ("change", "none")
    assert change.step > 1500
    assert change.step - 1 in steps_of(long_run.recording, "batch@0.2")  # where the run was
    wait_for(lambda: long_run.status is Status.RUNNING and long_run.step > change.step)


@pytest.mark.parametrize("wish", ["play", "step", "unwatched"])
def test_what_is_wished_on_the_way_back_is_so_once_the_run_is_there(long_run, wish):
    long_run.command("pause")
    wait_for(lambda: long_run.status is Status.PAUSED)
    at = long_run.step
    if wish == "unwatched":  # a nap and its end are nobody's wish
        at_once(long_run, BACK, ("pause", {"unwatched": True}), ("play", {"unwatched": True}))
    else:
        at_once(long_run, BACK, (wish, {}))
    wait_for(lambda: "batch@0.2" in long_run.labels)
    if wish == "play":
        wait_for(lambda: long_run.step > at + 200)
    else:
        wait_for(lambda: long_run.status is Status.PAUSED and long_run.step >= at)
        assert long_run.step == at + (wish == "step")


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ({"command": "fork", "arm": "none", "fields": {"normalization": "batch", "depth": 3}, "at": 5},
         ("fork", {"arm": "none", "fields": {"normalization": "batch"}, "at": 5})),
        ({"command": "fork", "arm": "none", "fields": "x", "at": "5"},
         ("fork", {"arm": "none", "fields": {}, "at": None})),
        ({"command": "fork", "arm": 1}, None),
        ({"command": "stop", "arm": "none"}, None),
        ({"command": "rename", "arm": "none", "name": "x"}, ("rename", {"arm": "none", "name": "x"})),
        ({"command": "drop", "arm": "none"}, ("drop", {"arm": "none"})),
    ],
)  # fmt: skip
def test_what_a_page_asks_for_is_read_with_care(message, found):
    assert command_of_arms(message) == found
