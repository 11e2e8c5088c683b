"""A run made over again: the same updates in networks of one's own, with probes attached.

A frame depends on nothing but the config, the batch, and each arm's numbers before and after the update. Given
these, a `Mirror` returns the frames that `Trainer.step(measure=True)` would have, the same to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bnviz.arms import build_model, loss_function
from bnviz.config import Arm, RunConfig
from bnviz.frames import Frame
from bnviz.landscape import step_lengths
from bnviz.normalization import UnitNoise
from bnviz.probe import Batch, Probe, measure
from bnviz.recording import layer_names

Array = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Numbers:
    """All that changes in a model: its parameters and buffers in one row, and the states of its noise."""

    values: NDArray[np.float32]
    noise: tuple[Array, ...]


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
    """The numbers of a model as it is built now."""

    def __init__(self, model: nn.Module) -> None:
        # By name, as changes of normalization leave parameters in another order than building anew. Counters
        # (of batches seen) decide nothing.
        named = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        self._tensors = [tensor for _, tensor in sorted(named.items()) if tensor.is_floating_point()]
        self._noise = [module.generator for module in model.modules() if isinstance(module, UnitNoise)]

    @torch.no_grad()
    def read(self) -> Numbers:
        """A copy of the numbers."""
        values = torch.cat([tensor.view(-1) for tensor in self._tensors])
        return Numbers(values.numpy(), tuple(generator.get_state().numpy() for generator in self._noise))

    @torch.no_grad()
    def write(self, numbers: Numbers) -> None:
        """Give the model these numbers."""
        parts = torch.from_numpy(numbers.values).split([tensor.numel() for tensor in self._tensors])
        torch._foreach_copy_(
            self._tensors, [part.view_as(each) for part, each in zip(parts, self._tensors, strict=True)]
        )
        for generator, state in zip(self._noise, numbers.noise, strict=True):
            generator.set_state(torch.from_numpy(state))


class Mirror:
    """Networks built as those of a run, in which its updates are made over again and measured."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._loss_fn = loss_function(run.config)
        self._tests = torch.from_numpy(run.x_test), torch.from_numpy(run.y_test)
        self._twins: dict[str, tuple[tuple[str, bool], Probe, State]] = {}

    def frames(self, update: Update) -> tuple[Frame, ...]:
        """What is to be measured of an update, one frame per arm."""
        batch = Batch(torch.from_numpy(update.x), torch.from_numpy(update.y), *self._tests, self._run.classes)
        probes = {}
        for label, (arm, before, after) in update.arms.items():
            probe, state = self._twin(label, arm)
            state.write(before)
            with probe:
                probe.model.zero_grad()
                self._loss_fn(probe.model(batch.x), batch.y).backward()
                state.write(after)
            probes[label] = probe
        config = update.config
        steps = {label: step_lengths(config.landscape, config.rate(arm)) for label, (arm, *_) in update.arms.items()}
        return measure(update.step, probes, batch, self._loss_fn, layer_names(config), steps)

    def _twin(self, label: str, arm: Arm) -> tuple[Probe, State]:
        kind = (arm.normalization, arm.noise)
        if label not in self._twins or self._twins[label][0] != kind:
            run = self._run
            model = build_model(run.config, arm, run.x_test.shape[1:], run.classes or run.y_test.shape[1])
            self._twins[label] = kind, Probe(model), State(model)
        return self._twins[label][1:]
