"""The one definition of training: all arms of a config in lockstep, on the same batches, from the same weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from bnviz.config import LIVE_ARM_FIELDS, LIVE_FIELDS, MAX_ARMS, Arm, RunConfig
from bnviz.config.tricks import pretraining_steps, shallow_depth
from bnviz.data import load
from bnviz.frames import Event, Frame
from bnviz.landscape import step_lengths
from bnviz.lineup import free_place, new_label, parse_name
from bnviz.models.treatments import Learner
from bnviz.probe import Batch, Probe
from bnviz.probe import measure as measure_step
from bnviz.training.batches import batches, targets
from bnviz.training.divergence import Unchecked
from bnviz.training.nets import Nets, loss_function
from bnviz.training.network import RunningArm
from bnviz.training.own import OwnNets, nets_of

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


class Trainer:
    """Trains the arms of a config step by step, and takes changes in between.

    `progress` is called with a sentence and the share done (NaN: unknown) while data are fetched. nets: where the
    networks come from, if not `nets_of(config)`.
    Errors: `bnviz.data.DataUnavailable` when the data cannot be had; ValueError as `nets_of`.
    """

    def __init__(
        self, config: RunConfig, progress: Callable[[str, float], None] | None = None, nets: Nets | None = None
    ) -> None:
        self.started_with = self.config = config
        """The config as changed so far, in `config`."""
        self.step_count = 0
        """Updates made."""
        self.events: list[Event] = []
        """What happened so far, oldest first."""
        self._told = 0
        self.round = config.steps
        """Steps added when a finished run is continued."""
        self.nets = nets or nets_of(config)
        """Where the networks come from."""
        self.loss_fn = self.nets.loss(loss_function(config))
        data = load(config.dataset, noise=config.data_noise, seed=config.seed, progress=progress)
        if self.nets.flat:
            data = replace(data, x_train=data.x_train.flatten(1), x_test=data.x_test.flatten(1))
        self.data = data = replace(data, y_test=targets(data, config.loss, data.y_test))
        self._batches = batches(len(data.x_train), config.batch_size, config.seed)
        self._unchecked = Unchecked()
        self.batch = Batch(data.x_train[:0], data.y_train[:0], data.x_test, data.y_test, data.classes)
        """What the last step trained on, and the test set."""
        self.probes: dict[str, Probe] = {}
        """What watched the last step, by the arms' labels; none if it was not measured."""
        self.rates: dict[str, float] = {}
        """The learning rates of the last step that was measured, by the arms' labels."""
        self._grow_at = pretraining_steps(config.steps)
        first_depth = {"pretrain": shallow_depth(config.depth)}
        self._arms = {
            label: RunningArm(config, arm, self.nets, first_depth.get(arm.trick))
            for label, arm in zip(config.labels, config.arms, strict=True)
        }
        self.places = {label: place for place, label in enumerate(self._arms)}
        """Each arm's place among the colours, also of those that are gone: no label is given twice."""

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
        y = targets(data, self.config.loss, y)
        self.batch = Batch(x, y, data.x_test, data.y_test, data.classes)
        self.probes = {label: each.probe for label, each in self._arms.items()} if measure else {}
        with ExitStack() as stack:
            for probe in self.probes.values():
                stack.enter_context(probe)
            self._unchecked.add({label: self._update(each, x, y) for label, each in self._arms.items()})
        self.step_count += 1
        if measure or self.finished:
            self.flag_divergence()
        if not measure:
            return ()
        self.rates = {label: self.config.rate(arm) for label, arm in self.arms.items()}
        steps = {label: step_lengths(self.config.landscape, rate) for label, rate in self.rates.items()}
        return measure_step(self.step_count - 1, self.probes, self.batch, self.loss_fn, self.nets.layers, steps)

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

    def fork(self, arm: str, label: str | None = None, place: int | None = None, **fields: Any) -> str:
        """Copy an arm as it is now (weights, optimizer state) into a new arm with other settings.

        label, place: of the new arm, if they are known beforehand; the first that are free otherwise. Returns the
        label. Errors: ValueError as for `change`, and where there are as many arms as there can be.
        """
        _only(fields, LIVE_ARM_FIELDS, "a fork")
        source = self._arm(arm)
        changed = replace(source.arm, **fields)
        if len(self._arms) >= MAX_ARMS:
            raise ValueError(f"A run has {MAX_ARMS} networks at most, and this one has them: drop one first.")
        config = replace(self.config, arms=(*self.config.arms, changed))
        label = new_label(changed.label, self.places) if label is None else label
        forked = source.fork()
        forked.change(config, **fields)
        self.places[label] = free_place({self.places[each] for each in self._arms}) if place is None else place
        self._line_up({**self._arms, label: forked})
        self._happened("fork", arm, {**fields, "label": label, "place": self.places[label]})
        return label

    def drop(self, arm: str) -> Event:
        """Train an arm no further; the others do not notice. Errors: ValueError for the last one, or an unknown one."""
        self._arm(arm)
        if len(self._arms) == 1:
            raise ValueError(f"{arm} is the only network left, and a run needs one.")
        self._line_up({label: each for label, each in self._arms.items() if label != arm})
        self.probes.pop(arm, None)
        return self._happened("drop", arm, {})

    def rename(self, arm: str, name: str) -> Event:
        """Call an arm by a name of one's own, or, with an empty one, by what is done to it; its label stays.

        Errors: ValueError as `bnviz.lineup.parse_name`, or for an unknown arm.
        """
        self._arm(arm)
        return self._happened("rename", arm, {"name": parse_name(name)})

    def flag_divergence(self) -> None:
        """Append an event for each arm whose loss stopped being finite since the last check, at its very step."""
        for label, step in self._unchecked.lost(self.step_count):
            arm = self._arms.get(label)
            if arm is not None and not arm.diverged:
                arm.diverged = True
                self.events.append(Event(step, "diverged", label))

    def _update(self, arm: RunningArm, x: Tensor, y: Tensor) -> Tensor:
        self.nets.seed(self.started_with.seed, self.step_count)
        return arm.update(x, y, self.loss_fn)

    def _line_up(self, arms: dict[str, RunningArm]) -> None:
        """Go on with these arms, in order of place."""
        self._arms = dict(sorted(arms.items(), key=lambda each: self.places[each[0]]))
        self.config = replace(self.config, arms=tuple(self.arms.values()))

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
