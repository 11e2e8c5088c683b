from __future__ import annotations

import numpy as np

from bnviz import history
from bnviz.config import RunConfig
from bnviz.frames import Event
from bnviz.history import History


def test_everything_is_kept_while_there_is_room(make_frame):
    kept = History()
    for step in range(50):
        kept.add((make_frame(RunConfig(depth=1), step, "none"),))
    assert [frames[0].step for frames in kept.snapshot()[0]] == list(range(50))


def test_a_long_run_is_thinned_evenly_in_log_time(make_frame, monkeypatch):
    monkeypatch.setattr(history, "MAX_STEPS", 120)
    kept = History()
    frame = make_frame(RunConfig(depth=1), 0, "none")
    fields = {name: getattr(frame, name) for name in frame.__slots__}
    for step in range(0, 100_000, 10):
        kept.add((type(frame)(**(fields | {"step": step})),))
    steps = np.array([frames[0].step for frames in kept.snapshot()[0]])
    assert len(steps) == 120
    assert steps[0] == 0
    assert steps[-1] == 99_990
    gaps = np.diff(np.log(steps + history.LINEAR_STEPS))
    assert gaps.max() < 4 * np.median(gaps)
    assert (steps < 1000).sum() > 25  # one in a hundred of the steps, a third of what is kept


def test_room_is_counted_in_bytes(make_frame, monkeypatch):
    monkeypatch.setattr(history, "MAX_BYTES", 1)
    kept = History()
    for step in range(300):
        kept.add((make_frame(RunConfig(depth=1), step, "none"),))
    assert len(kept.snapshot()[0]) == history.MIN_STEPS


def test_the_nearest_step_and_events(make_frame):
    kept = History()
    assert kept.nearest(3) is None
    assert kept.latest is None
    for step in (0, 10, 20):
        kept.add((make_frame(RunConfig(depth=1), step, "none"),))
    kept.add_event(Event(10, "diverged", "none"))
    assert kept.nearest(14)[0].step == 10
    assert kept.latest[0].step == 20
    assert kept.snapshot()[1] == [Event(10, "diverged", "none")]


def test_what_nobody_looks_at_is_folded_and_all_there_again(make_frame):
    kept, plain = History(), History()
    assert not kept.fold()
    for step in range(0, 50, 10):
        frames = (make_frame(RunConfig(depth=2), step, "none"),)
        kept.add(frames)
        plain.add(frames)
    kept.add_event(Event(10, "diverged", "none"))
    for ask in (
        History.snapshot,
        lambda kept: kept.nearest(14),
        lambda kept: kept.moved(20, 1),
        lambda kept: kept.add(frames),
        lambda kept: kept.add_event(Event(30, "rewind")),
    ):
        assert kept.fold()
        assert not kept.fold()
        assert len(kept._steps) == 1
        assert kept.latest[0].step >= 40
        ask(kept)
        assert len(kept._steps) > 1
    steps = kept.snapshot()[0]
    assert [frames[0].step for frames in steps] == [0, 10, 20]
    for (found,), (expected,) in zip(steps, plain.snapshot()[0], strict=False):
        for name in found.__slots__:
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
