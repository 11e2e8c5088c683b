"""A run made over again: the same updates in networks of one's own, with probes attached.

A frame depends on nothing but the config, the batch, and each arm's numbers before and after the update. Given
these, a `Mirror` returns the frames that `Trainer.step(measure=True)` would have, the same to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from bnviz.config import Arm, RunConfig
from bnviz.frames import Frame, layer_names
from bnviz.landscape import step_lengths
from bnviz.models.normalization import UnitNoise
from bnviz.models.treatments import Learner
from bnviz.probe import Batch, Probe, measure
from bnviz.training.network import build, loss_function

Array = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Numbers:
    """All that changes in a network and its heads: parameters and buffers in one row, and the states of its noise."""

    values: NDArray[np.float32]
    noise: tuple[Array, ...]
    depth: int
    """Hidden layers by now."""


@dataclass(frozen=True, slots=True)
class Run:
    """What holds for all frames of a run."""

    config: RunConfig
    x_test: Array
    y_test: Array
    classes: int


@dataclass(frozen=True, slots=True)
class Update:
    """One update of all arms."""

    step: int
    x: Array
    y: Array
    arms: dict[str, tuple[Arm, Numbers, Numbers]]
    """By label: the arm, and its numbers before and after."""
    config: RunConfig
    """The run's, as changed so far."""


class State:
    """The numbers of a network and its heads as they are built now."""

    def __init__(self, learner: Learner) -> None:
        self._depth = len(learner.net) - 1
        # By name, as changes of normalization leave parameters in another order than building anew. Counters
        # (of batches seen) decide nothing.
        named = {**dict(learner.named_parameters()), **dict(learner.named_buffers())}
        self._tensors = [tensor for _, tensor in sorted(named.items()) if tensor.is_floating_point()]
        self._noise = [module.generator for module in learner.modules() if isinstance(module, UnitNoise)]

    @torch.no_grad()
    def read(self) -> Numbers:
        """A copy of the numbers."""
        values = torch.cat([tensor.view(-1) for tensor in self._tensors])
        noise = tuple(generator.get_state().numpy() for generator in self._noise)
        return Numbers(values.numpy(), noise, self._depth)

    @torch.no_grad()
    def write(self, numbers: Numbers) -> None:
        """Give network and heads these numbers."""
        parts = torch.from_numpy(numbers.values).split([tensor.numel() for tensor in self._tensors])
        torch._foreach_copy_(
            self._tensors, [part.view_as(each) for part, each in zip(parts, self._tensors, strict=True)]
        )
        for generator, state in zip(self._noise, numbers.noise, strict=True):
            generator.set_state(torch.from_numpy(state))


class Twin(NamedTuple):
    """An arm's network made over again, and how it is built."""

    kind: tuple[str, bool, int]
    learner: Learner
    probe: Probe
    state: State


class Mirror:
    """Networks built as those of a run, in which its updates are made over again and measured."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._loss_fn = loss_function(run.config)
        self._tests = torch.from_numpy(run.x_test), torch.from_numpy(run.y_test)
        self._twins: dict[str, Twin] = {}

    def frames(self, update: Update) -> tuple[Frame, ...]:
        """What is to be measured of an update, one frame per arm."""
        batch = Batch(torch.from_numpy(update.x), torch.from_numpy(update.y), *self._tests, self._run.classes)
        probes = {}
        for label, (arm, before, after) in update.arms.items():
            twin = self._twin(label, arm, before.depth)
            twin.state.write(before)
            with twin.probe:
                twin.learner.zero_grad()
                _, loss = twin.learner.losses(batch.x, batch.y, self._loss_fn)
                loss.backward()
                twin.state.write(after)
            probes[label] = twin.probe
        config = update.config
        steps = {label: step_lengths(config.landscape, config.rate(arm)) for label, (arm, *_) in update.arms.items()}
        return measure(update.step, probes, batch, self._loss_fn, layer_names(config), steps)

    def _twin(self, label: str, arm: Arm, depth: int) -> Twin:
        kind = (arm.normalization, arm.noise, depth)
        if label not in self._twins or self._twins[label].kind != kind:
            run = self._run
            learner = build(run.config, arm, run.x_test.shape[1:], run.classes or run.y_test.shape[1], depth)
            probe = Probe(learner.net, own_loss=not learner.heads)
            self._twins[label] = Twin(kind, learner, probe, State(learner))
        return self._twins[label]
