"""Who trains, who waits, and who gives way and comes back: with real workers."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from bnviz.config import Arm, RunConfig
from bnviz.frames import Event
from bnviz.recording import Recording
from bnviz.serve import admission
from bnviz.serve.admission import Admission, TooLarge, TooManyRuns, memory, size
from bnviz.serve.admission.limits import Limits
from bnviz.serve.admission.size import estimate
from bnviz.source import Status
from bnviz.training import record
from bnviz.training.replay import replayed
from tests.serve.conftest import without_runs
from tests.support import server

CONFIG = RunConfig(depth=2, width=8, dataset="iris", steps=1_000_000)
ROOM_FOR_ONE = 0.5
"""GB."""
wait_for = partial(server.wait_for, seconds=150)


@pytest.fixture
def hub(open_hub):
    """A hub without runs; its workers go from test to test."""
    open_hub.admission = Admission()
    yield open_hub
    without_runs(open_hub)


@pytest.fixture
def full(hub, monkeypatch):
    """A hub with room for one run, and that run, which is watched."""
    monkeypatch.setattr(size, "WORKER", ROOM_FOR_ONE * 0.6e9)
    hub.admission = Admission(Limits(memory=ROOM_FOR_ONE))
    return hub, watched(hub.start(CONFIG, "me"))


def watched(run):
    run.watch(nobody)
    return run


def nobody():
    pass


@pytest.mark.long
def test_more_runs_than_cores_share_them_and_none_is_ever_shown_as_paused(hub):
    hub.admission = Admission(Limits(cores=1))
    seen = set()
    runs = [hub.start(replace(CONFIG, seed=seed), "me") for seed in range(2)]
    for run in runs:
        run.watch(lambda run=run: seen.add(run.status))
    wait_for(lambda: all(run.busy == "2 runs share 1 core" and run._share == 0.5 for run in runs))
    at = [run.step for run in runs]
    wait_for(lambda: all(run.step > before + 200 for run, before in zip(runs, at, strict=True)))
    assert seen <= {Status.STARTING, Status.RUNNING}
    runs[0].command("pause")
    wait_for(lambda: runs[1]._share == 1.0 and not runs[1].busy)


def test_who_finds_no_room_waits_with_a_place_and_enters_by_itself(full):
    hub, run = full
    one, two = watched(hub.start(CONFIG, "you")), watched(hub.start(CONFIG, "them"))
    assert [each.status for each in (one, two)] == [Status.WAITING] * 2
    assert [each.text for each in (one, two)] == [
        f"This server is full: number {place} in the queue …" for place in (1, 2)
    ]
    after = hub.start(replace(CONFIG, seed=5), "you", instead_of=one)  # other settings: the place stays
    watched(after)
    assert "number 1" in after.text
    assert one.status is Status.STOPPED
    wait_for(lambda: run.step > 50)
    assert hub.admission.shown_to_all(hub.runs()) is run
    hub.stop(run)
    wait_for(lambda: after.step > 50)
    wait_for(lambda: "number 1" in two.text)
    assert two.worker is None


def test_a_run_takes_the_memory_of_the_one_in_whose_place_it_starts(full):
    hub, run = full
    waiting = watched(hub.start(CONFIG, "you"))
    after = watched(hub.restart(run))
    wait_for(lambda: after.step > 50)
    assert waiting.status is Status.WAITING


def test_who_leaves_loses_the_place_and_a_queue_has_an_end(full, monkeypatch):
    hub, _ = full
    monkeypatch.setattr(admission, "LEAVES_SECONDS", 0.5)
    monkeypatch.setattr(admission, "LONGEST_QUEUE", 2)
    gone, there = hub.start(CONFIG, "you"), watched(hub.start(CONFIG, "them"))
    wait_for(lambda: "lost its place" in gone.text)
    wait_for(lambda: "number 1" in there.text)
    hub.welcome(gone)
    assert "number 2" in gone.text
    watched(gone)
    with pytest.raises(TooManyRuns, match="2 runs wait here already"):
        hub.start(CONFIG, "one more")


@pytest.mark.long
def test_what_nobody_watches_gives_way_and_comes_back_with_its_owner(full, monkeypatch):
    hub, run = full
    wait_for(lambda: run.step > 100)
    run.command("change", arm="none", fields={"normalization": "layer"})
    wait_for(lambda: run.history.snapshot()[1] and run.step > run.history.snapshot()[1][0].step + 50)
    monkeypatch.setattr(admission, "GIVES_WAY_SECONDS", 0.2)
    other = watched(hub.start(CONFIG, "you"))
    hub.admission.meanwhile[other.id] = run.id
    watched(run)  # by the one who waits, who must not keep out of the way what it waits for
    run.leave(nobody)
    wait_for(lambda: other.step > 50)
    run.leave(nobody)
    assert (run.status, run.worker) == (Status.WAITING, None)
    at, file = run.step, run.file
    before = {frame.step: frame.train_loss for frame in run.recording.frames if frame.arm == "none"}
    hub.welcome(run)
    watched(run)
    assert "number 1" in run.text
    other.leave(nobody)
    wait_for(lambda: run.step > at + 50)
    assert run.status is Status.RUNNING
    assert run.file == file
    (event,) = run.history.snapshot()[1]
    assert (event.kind, event.arm) == ("change", "none")
    now = {frame.step: frame.train_loss for frame in run.recording.frames if frame.arm == "none"}
    assert {step: loss for step, loss in now.items() if step <= at} == before
    hub.stop(run)
    wait_for(lambda: run.worker is None)
    kept = Recording.load(run.file)
    assert not kept.damage
    assert kept.events == (event,)
    steps = [frame.step for frame in kept.frames if frame.arm == "none"]
    assert [step for step in steps if step % 10 == 0] == list(range(0, steps[-1] + 1, 10))
    assert len(steps) == len(set(steps))
    # What was trained after it came back is what the same events give without a rest.
    there = replayed(CONFIG, kept.events, steps[-2])
    frames = next(item for item in record(there) if not isinstance(item, Event))
    shown = [frame for frame in kept.frames if frame.step == frames[0].step]
    for one, two in zip(frames, shown, strict=True):
        np.testing.assert_array_equal(one.grad_norm, two.grad_norm)


@pytest.mark.parametrize("kept", [True, False])
def test_a_run_that_its_owner_paused_comes_back_paused_also_where_its_file_is_gone(full, monkeypatch, kept):
    hub, run = full
    wait_for(lambda: run.step > 100)
    run.command("pause")
    wait_for(lambda: run.status is Status.PAUSED)
    at = run.step
    monkeypatch.setattr(admission, "GIVES_WAY_SECONDS", 0.2)
    run.leave(nobody)
    other = watched(hub.start(CONFIG, "you"))
    wait_for(lambda: other.worker is not None)
    if not kept:
        hub.shelf.remove(hub.shelf.entry(run.file.stem, None))
    hub.welcome(run)
    watched(run)
    hub.stop(other)
    wait_for(lambda: run.status is Status.PAUSED)
    assert run.step == at
    run.command("step")
    wait_for(lambda: run.step == at + 1)
    hub.stop(run)
    wait_for(lambda: run.worker is None)
    steps = [frame.step for frame in Recording.load(run.file).frames if frame.arm == "none"]
    assert steps == [*range(0, at, 10), at, at + 1] if at % 10 else [*range(0, at + 1, 10), at + 1]


def test_a_run_that_is_too_large_is_refused_with_the_figure(full):
    hub, run = full
    large = replace(CONFIG, depth=50, width=512, arms=(Arm("none"), Arm("batch")))
    with pytest.raises(TooLarge, match=r"would need about \d\.\d GB of memory, and a run may take 0\.5 GB here"):
        hub.start(large, "me", instead_of=run)
    wait_for(lambda: run.step > 0)


def test_a_run_has_an_end_in_time_and_says_so(hub):
    hub.admission = Admission(Limits(minutes=30))
    run = watched(hub.start(CONFIG, "me"))
    wait_for(lambda: run.step > 0)
    run.since -= 30 * 60
    wait_for(lambda: run.worker is None)
    assert (run.status, run.text) == (Status.STOPPED, "Stopped: it has trained for 30 min, as long as a run may here.")


def test_the_estimate_holds_what_a_worker_takes(hub):
    config = replace(CONFIG, dataset="digits", depth=4, width=512, batch_size=512)
    run = watched(hub.start(config, "me"))
    wait_for(lambda: run.step > 0)
    taken = memory.taken_by(run.worker.pid)
    assert taken < estimate(config) < 2.5 * taken
