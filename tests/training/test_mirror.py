from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bnviz.config import Arm, RunConfig
from bnviz.frames import quantities
from bnviz.training import Trainer
from bnviz.training.mirror import Mirror, Run, State, Update

SMALL = RunConfig(depth=3, width=16, batch_size=64)


class Pair:
    """A run measured in place, and its twin, whose updates are measured in a mirror."""

    def __init__(self, config: RunConfig) -> None:
        self.here, self.sent = Trainer(config), Trainer(config)
        batch = self.sent.batch
        self.mirror = Mirror(Run(config, batch.x_test.numpy(), batch.y_test.numpy(), batch.classes))

    def step(self, measure=True):
        if not measure:
            self.here.step()
            self.sent.step()
            return
        self.sent.grow()
        states = {label: State(learner) for label, learner in self.sent.learners.items()}
        before = {label: state.read() for label, state in states.items()}
        self.sent.step()
        arms = {label: (arm, before[label], states[label].read()) for label, arm in self.sent.arms.items()}
        batch, step = self.sent.batch, self.sent.step_count - 1
        mirrored = self.mirror.frames(Update(step, batch.x.numpy(), batch.y.numpy(), arms, self.sent.config))
        for one, two in zip(self.here.step(measure=True), mirrored, strict=True):
            assert (one.step, one.arm, one.layers) == (two.step, two.arm, two.layers)
            for q in quantities(len(one.layers)):
                np.testing.assert_array_equal(getattr(one, q.name), getattr(two, q.name), q.name)

    def both(self, name, *args, **fields):
        for trainer in (self.here, self.sent):
            getattr(trainer, name)(*args, **fields)


TRICKS = ("none", "none+auxiliary", "none+pretrain", "batch+noise+auxiliary", "batch+noise+pretrain@0.1")
ALL = ("none", "batch", "layer", "group", "rms", "weight", "batch_l1", "batch_linf")


@pytest.mark.parametrize(
    "config",
    [
        replace(SMALL, arms=tuple(map(Arm, ALL[:4])), landscape="0.5-4"),
        replace(
            SMALL,
            arms=tuple(map(Arm, ALL[4:])),
            activation="relu",
            init="he",
            learning_rate=0.05,
            landscape="0.01-30",
        ),
        replace(
            SMALL,
            arms=(Arm("batch"), Arm("batch", noise=True), Arm("none", noise=True)),
            optimizer="momentum",
            landscape="0.5-4",
        ),
        replace(SMALL, optimizer="adam", learning_rate=0.01, activation="tanh"),
        replace(SMALL, dataset="gaussian", loss="squared_error", learning_rate=1e-6, batch_size=4096),
        replace(SMALL, model="cnn", depth=2, width=8, arms=(Arm("none"), Arm("batch", noise=True)), landscape="0.5-4"),
        replace(SMALL, activation="relu", init="he", learning_rate=1000.0, landscape="0.01-30"),
        replace(SMALL, arms=tuple(map(Arm.parse, TRICKS)), landscape="0.5-4", steps=50, optimizer="momentum"),
        replace(SMALL, arms=tuple(map(Arm.parse, TRICKS[1:])), model="cnn", width=8, steps=50, landscape="0.5-4"),
    ],
    ids=["four", "four-more", "noise-momentum", "adam", "regression", "cnn", "diverged", "tricks", "cnn-tricks"],
)
def test_a_mirror_measures_the_same_to_the_bit(config):
    pair = Pair(config)
    for step in range(25):
        pair.step(measure=step % 6 == 0)


def test_also_after_changes_and_forks():
    pair = Pair(replace(SMALL, optimizer="momentum", learning_rate=0.1))
    pair.step()
    pair.both("change", arm="none", normalization="weight")
    pair.step()
    pair.both("change", arm="none", normalization="batch", noise=True)
    pair.step()
    pair.both("fork", "none", normalization="layer", learning_rate=0.02)
    pair.both("fork", "batch")
    pair.step(measure=False)
    pair.step()
    # There and back between two measurements: the same arm, but other tensors.
    pair.both("change", arm="batch", normalization="weight")
    pair.step(measure=False)
    pair.both("change", arm="batch", normalization="batch")
    pair.both("change", learning_rate=0.3)
    pair.step()
    pair.both("change", landscape="0.5-4")
    pair.step()
    pair.both("change", learning_rate=0.1, landscape="0.01-30")
    pair.step()
    assert list(pair.here.models) == ["none", "batch", "layer+noise@0.02", "batch (2)"]


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_also_when_an_arm_with_a_trick_is_forked_or_changed(optimizer):
    arms = (Arm("batch", noise=True, trick="pretrain"), Arm("none", trick="auxiliary"))
    pair = Pair(replace(SMALL, depth=5, steps=20, arms=arms, optimizer=optimizer, learning_rate=0.01))
    pair.step()
    pair.both("fork", "batch+noise+pretrain", normalization="weight")
    pair.both("change", arm="none+auxiliary", normalization="group")
    pair.step()
    pair.both("change", arm="batch+noise+pretrain", normalization="layer")
    pair.both("fork", "none+auxiliary", learning_rate=0.02)
    for _ in range(5):
        pair.step()
    kinds = ["fork", "change", "change", "fork", "grow", "grow"]
    assert [event.kind for event in pair.here.events] == kinds
    assert pair.here.events == pair.sent.events
