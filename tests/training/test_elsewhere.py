from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import psutil
import pytest

from bnviz.config import Arm, RunConfig
from bnviz.frames import Event, quantities
from bnviz.training import Trainer, record
from bnviz.training.elsewhere import Measurer, MeasuringEnded, Recorder

# torch's autograd does not work in a child forked after it was used, as it was here. tests/test_worker.py forks.
METHOD = "spawn"
SMALL = RunConfig(depth=3, width=16, batch_size=64, steps=40, measure_every=7)


@pytest.fixture(scope="module")
def measurer():
    child = Measurer(method=METHOD)
    yield child
    child.close()


def recorded(config: RunConfig, measurer: Measurer):
    recorder = Recorder(Trainer(config), measurer)
    while not recorder.trainer.finished:
        yield from recorder.step(measure=recorder.trainer.due)
    yield from recorder.flush()


def assert_same(items, others):
    for one, two in zip(items, others, strict=True):
        if isinstance(one, Event):
            assert one == two
            continue
        for frame, twin in zip(one, two, strict=True):
            assert (frame.step, frame.arm) == (twin.step, twin.arm)
            for q in quantities(len(frame.layers)):
                np.testing.assert_array_equal(getattr(frame, q.name), getattr(twin, q.name), q.name)


def test_items_are_those_of_a_run_measured_in_place_for_one_run_after_another(measurer):
    diverging = replace(SMALL, activation="relu", init="he", learning_rate=100.0)
    tricks = replace(SMALL, arms=tuple(map(Arm.parse, ("none+auxiliary", "batch+noise+pretrain"))), landscape="0.5-4")
    for config in (SMALL, replace(diverging, depth=8), replace(SMALL, depth=1, seed=1), tricks):
        assert_same(list(recorded(config, measurer)), list(record(Trainer(config))))


def test_a_run_may_be_left_while_it_is_being_measured(measurer):
    left = Recorder(Trainer(SMALL), measurer)
    assert left.step(measure=True) == []
    config = replace(SMALL, steps=10)
    assert_same(list(recorded(config, measurer)), list(record(Trainer(config))))


def test_an_event_comes_after_the_frames_before_it(measurer):
    recorder = Recorder(Trainer(SMALL), measurer)
    recorder.step(measure=True)
    recorder.trainer.change(arm="none", normalization="batch")
    (first, _), event = recorder.flush()
    assert first.step == 0
    assert (event.step, event.kind) == (1, "change")
    assert recorder.flush() == []


def test_a_measurer_that_dies_is_an_error_not_a_hang():
    child = Measurer(method=METHOD)
    recorder = Recorder(Trainer(SMALL), child)
    recorder.step(measure=True)
    recorder.flush()
    psutil.Process(child.pid).kill()
    time.sleep(0.2)
    with pytest.raises(MeasuringEnded, match=r"the process that measures was killed \(signal 9\)"):
        recorder.step(measure=True)
    child.close()
    assert not psutil.pid_exists(child.pid)
