"""The one definition of training: all arms of a config in lockstep, on the same batches, from the same weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bnviz.config import LIVE_ARM_FIELDS, LIVE_FIELDS, Arm, RunConfig
from bnviz.data import Data, load
from bnviz.frames import Event, Frame
from bnviz.landscape import step_lengths
from bnviz.models.factory import Factory
from bnviz.models.treatments import Learner, pretraining_steps, shallow_depth
from bnviz.probe import Batch, Probe
from bnviz.probe import measure as measure_step
from bnviz.training.nets import Nets, OurNets, loss_function
from bnviz.training.network import RunningArm
from bnviz.training.own import OwnNets

__all__ = ["Item", "OwnNets", "Trainer", "nets_of", "record", "train"]

Item = tuple[Frame, ...] | Event
"""What a run yields: the frames of a measured step, or an event."""


def train(config: RunConfig) -> Iterator[Frame]:
    """Train all arms and yield, for each measured step, one frame per arm, in the order of `config.arms`.

    Steps 0, measure_every, 2 * measure_every ... below `config.steps` are measured.
    """
    for item in record(Trainer(config)):
        if not isinstance(item, Event):
            yield from item


def record(trainer: Trainer) -> Iterator[Item]:
    """Train to the end; yield the frames of each measured step together, and the events, as they happen."""
    while not trainer.finished:
        yield from trainer.items(measure=trainer.due)


def nets_of(config: RunConfig, factory: Factory | None = None) -> Nets:
    """Where the networks of a config come from. factory: of somebody's own nets, for `model="own"`.

    Errors: ValueError where it is missing, makes no net, or one that does not fit the data.
    """
    if config.model != "own":
        return OurNets(config)
    if factory is None:
        raise ValueError("model own is the model that bnviz is started with, bnviz --model FILE.py:FUNCTION: got none.")
    return OwnNets(factory, config)


class Trainer:
    """Trains the arms of a config step by step, and takes changes in between.

    `progress` is called with a sentence and the share done (NaN: unknown) while data are fetched. nets: where the
    networks come from, if not `nets_of(config)`.
    Errors: `bnviz.data.DataUnavailable` when the data cannot be had; ValueError as `nets_of`.
    """

    def __init__(
        self, config: RunConfig, progress: Callable[[str, float], None] | None = None, nets: Nets | None = None
    ) -> None:
        self.config = config
        """The config as changed so far."""
        self.step_count = 0
        """Updates made."""
        self.events: list[Event] = []
        """What happened so far, oldest first."""
        self._told = 0
        self.round = config.steps
        """Steps added when a finished run is continued."""
        self._nets = nets or nets_of(config)
        self.loss_fn = self._nets.loss(loss_function(config))
        data = load(config.dataset, noise=config.data_noise, seed=config.seed, progress=progress)
        if self._nets.flat:
            data = replace(data, x_train=data.x_train.flatten(1), x_test=data.x_test.flatten(1))
        self.data = data = replace(data, y_test=self._targets(data, data.y_test))
        self._batches = _batches(len(data.x_train), config.batch_size, config.seed)
        self._unchecked: list[tuple[Tensor, ...]] = []  # losses of the steps since the last measured one
        self.batch = Batch(data.x_train[:0], data.y_train[:0], data.x_test, data.y_test, data.classes)
        """What the last step trained on, and the test set."""
        self.probes: dict[str, Probe] = {}
        """What watched the last step, by the arms' labels; none if it was not measured."""
        self._grow_at = pretraining_steps(config.steps)
        first_depth = {"pretrain": shallow_depth(config.depth)}
        self._arms = {
            label: RunningArm(config, arm, self._nets, first_depth.get(arm.trick))
            for label, arm in zip(config.labels, config.arms, strict=True)
        }

    @property
    def models(self) -> dict[str, nn.Module]:
        """The networks, by their arms' labels."""
        return {label: each.model for label, each in self._arms.items()}

    @property
    def learners(self) -> dict[str, Learner]:
        """The networks with the heads that help them train, by their arms' labels."""
        return {label: each.learner for label, each in self._arms.items()}

    @property
    def arms(self) -> dict[str, Arm]:
        """The arms as changed so far, by their labels, which stay."""
        return {label: each.arm for label, each in self._arms.items()}

    @property
    def due(self) -> bool:
        """Whether the coming step is one to measure."""
        return self.step_count % self.config.measure_every == 0

    @property
    def finished(self) -> bool:
        """Whether all steps are done."""
        return self.step_count >= self.config.steps

    def step(self, measure: bool = False) -> tuple[Frame, ...]:
        """Make one optimizer update of every arm; with `measure`, return what was measured, one frame per arm."""
        self.grow()
        rows, data = next(self._batches), self.data
        x, y = (data.x_train, data.y_train) if rows is None else (data.x_train[rows], data.y_train[rows])
        y = self._targets(data, y)
        self.batch = Batch(x, y, data.x_test, data.y_test, data.classes)
        self.probes = {label: each.probe for label, each in self._arms.items()} if measure else {}
        with ExitStack() as stack:
            for probe in self.probes.values():
                stack.enter_context(probe)
            self._unchecked.append(tuple(each.update(x, y, self.loss_fn) for each in self._arms.values()))
        self.step_count += 1
        if measure or self.finished:
            self.flag_divergence()
        if not measure:
            return ()
        steps = {label: step_lengths(self.config.landscape, self.config.rate(arm)) for label, arm in self.arms.items()}
        return measure_step(self.step_count - 1, self.probes, self.batch, self.loss_fn, self._nets.layers, steps)

    def items(self, measure: bool) -> Iterator[Item]:
        """Make one update; yield what is new: events first, then the frames of this step, if it is measured."""
        frames = self.step(measure)
        yield from self.news()
        if frames:
            yield frames

    def news(self) -> Iterator[Event]:
        """The events that have not been told yet."""
        yield from self.events[self._told :]
        self._told = len(self.events)

    def grow(self) -> None:
        """Let the pre-trained networks that are due grow to full depth; `step` does so before its update."""
        if self.step_count < self._grow_at:
            return
        for label, each in self._arms.items():
            if each.grow(self.config):
                self._happened("grow", label, {"depth": self.config.depth})

    def change(self, arm: str | None = None, **fields: Any) -> Event:
        """Change settings of one arm (`normalization`, `noise`, `learning_rate`) or of all, from the next step on.

        Without `arm`: one of `LIVE_FIELDS`. Normalization is inserted with gamma 1 and beta 0,
        or removed, in place; the weights stay. Returns the event, which is also appended to `events`.
        Errors: ValueError that says what was given and what is allowed.
        """
        if arm is None:
            _only(fields, LIVE_FIELDS, "a running network")
            self.config = replace(self.config, **fields)
        else:
            _only(fields, LIVE_ARM_FIELDS, "an arm of a running network")
            chosen = self._arm(arm)
            arms = [replace(each.arm, **fields) if each is chosen else each.arm for each in self._arms.values()]
            self.config = replace(self.config, arms=tuple(arms))
            chosen.change(self.config, **fields)
            chosen.diverged = False
        for each in self._arms.values():
            each.follow(self.config)
        return self._happened("change", arm, fields)

    def fork(self, arm: str, **fields: Any) -> str:
        """Copy an arm as it is now (weights, optimizer state) into a new arm with other settings.

        Returns the label of the new arm. Errors: ValueError as for `change`.
        """
        _only(fields, LIVE_ARM_FIELDS, "a fork")
        source = self._arm(arm)
        changed = replace(source.arm, **fields)
        self.config = replace(self.config, arms=(*self.config.arms, changed))
        label, number = changed.label, 2
        while label in self._arms:
            label, number = f"{changed.label} ({number})", number + 1
        forked = source.fork()
        forked.change(self.config, **fields)
        self._arms[label] = forked
        self._happened("fork", arm, {**fields, "label": label})
        return label

    def flag_divergence(self) -> None:
        """Append an event for each arm whose loss stopped being finite since the last check, at its very step."""
        if not self._unchecked:
            return
        first = self.step_count - len(self._unchecked)
        for index, (label, each) in enumerate(self._arms.items()):
            losses = torch.stack([step[index] for step in self._unchecked if index < len(step)])
            bad = (~losses.isfinite()).nonzero()
            if len(bad) and not each.diverged:
                each.diverged = True
                offset = len(self._unchecked) - len(losses)  # an arm forked in between has fewer steps
                self.events.append(Event(first + offset + int(bad[0]), "diverged", label))
        self._unchecked.clear()

    def _targets(self, data: Data, y: Tensor) -> Tensor:
        """What the loss takes: classes one-hot, float32 (n, C), for a squared error; else what is there."""
        one_hot = data.classes and self.config.loss != "cross_entropy"
        return F.one_hot(y, data.classes).float() if one_hot else y

    def _arm(self, label: str) -> RunningArm:
        if label not in self._arms:
            raise ValueError(f"Unknown arm {label!r}. Arms of this run: {', '.join(self._arms)}.")
        return self._arms[label]

    def _happened(self, kind: Any, arm: str | None, fields: dict[str, Any]) -> Event:
        event = Event(self.step_count, kind, arm, {name: str(value) for name, value in fields.items()})
        self.events.append(event)
        return event


def _only(fields: dict[str, Any], allowed: tuple[str, ...], what: str) -> None:
    for name in fields:
        if name not in allowed:
            raise ValueError(f"{name} of {what} cannot change; what can: {', '.join(allowed)}.")


def _batches(size: int, batch_size: int, seed: int) -> Iterator[Tensor | None]:
    """Rows of each batch, forever: every epoch in a new order, its last incomplete batch left out.

    None stands for the whole set, taken when the batch is as large.
    """
    generator = torch.Generator().manual_seed(seed)
    while True:
        if batch_size >= size:
            yield None
        else:
            yield from torch.randperm(size, generator=generator).split(batch_size)[: size // batch_size]
