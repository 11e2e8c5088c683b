"""The one definition of training: all arms of a config in lockstep, on the same batches, from the same weights."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bnviz import datasets
from bnviz.config import LIVE_FIELDS, Arm, RunConfig
from bnviz.frames import Event, Frame
from bnviz.models import make_cnn, make_mlp, set_normalization
from bnviz.probe import Batch, Probe
from bnviz.probe import measure as measure_step
from bnviz.recording import layer_names

Item = tuple[Frame, ...] | Event
"""What a run yields: the frames of a measured step, or an event."""
MOMENTUM = 0.9
"""Of the optimizer called `momentum`."""


def train(config: RunConfig) -> Iterator[Frame]:
    """Train all arms and yield, for each measured step, one frame per arm, in the order of `config.arms`.

    Steps 0, measure_every, 2 * measure_every ... below `config.steps` are measured.
    """
    for item in record(Trainer(config)):
        if not isinstance(item, Event):
            yield from item


def record(trainer: Trainer) -> Iterator[Item]:
    """Train to the end; yield the frames of each measured step together, and the events, as they happen."""
    with Recorder(trainer) as recorder:
        while not trainer.finished:
            yield from recorder.step(measure=trainer.due)
        yield from recorder.flush()


class Recorder:
    """Steps a trainer, and measures in a second thread while training goes on.

    Frames are the same as those of `Trainer.step`, and come in the same order, a few steps late.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self._waiting: deque[Event | Future[tuple[Frame, ...]]] = deque()
        self._events_seen = 0
        # Threads of their own start with as many torch threads as the machine has cores.
        self._executor = ThreadPoolExecutor(1, "measure", torch.set_num_threads, (torch.get_num_threads(),))

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *error: object) -> None:
        self._executor.shutdown()

    def step(self, measure: bool) -> list[Item]:
        """Make one update; return the frames and events that are ready by now, oldest first."""
        ready = self.flush() if measure else []  # a probe holds one step at a time
        job = self.trainer.advance(measure)
        self._take_events()
        if job is not None:
            self._waiting.append(self._executor.submit(job))
        while self._waiting and (isinstance(first := self._waiting[0], Event) or first.done()):
            ready.append(_result(self._waiting.popleft()))
        return ready

    def flush(self) -> list[Item]:
        """Wait for what is being measured; return all frames and events that are left."""
        self._take_events()
        ready = [_result(item) for item in self._waiting]
        self._waiting.clear()
        return ready

    def _take_events(self) -> None:
        self._waiting.extend(self.trainer.events[self._events_seen :])
        self._events_seen = len(self.trainer.events)


def _result(item: Event | Future[tuple[Frame, ...]]) -> Item:
    return item if isinstance(item, Event) else item.result()


def loss_function(config: RunConfig) -> Callable[[Tensor, Tensor], Tensor]:
    """Mean cross-entropy, or squared error summed over batch and outputs (Santurkar et al. 2018, App. A)."""
    return F.cross_entropy if config.loss == "cross_entropy" else nn.MSELoss(reduction="sum")


@dataclass
class _Network:
    """One arm while it trains."""

    arm: Arm
    model: nn.Sequential
    optimizer: torch.optim.Optimizer
    probe: Probe
    diverged: bool = False


class Trainer:
    """Trains the arms of a config step by step, and takes changes in between.

    `progress` is called with a sentence and the share done (NaN: unknown) while data are fetched.
    Errors: `bnviz.datasets.DataUnavailable` when the data cannot be had.
    """

    def __init__(self, config: RunConfig, progress: Callable[[str, float], None] | None = None) -> None:
        self.config = config
        """The config as changed so far."""
        self.step_count = 0
        """Updates made."""
        self.events: list[Event] = []
        """What happened so far, oldest first."""
        self.round = config.steps
        """Steps added when a finished run is continued."""
        self._layers = layer_names(config)
        self._loss_fn = loss_function(config)
        self._data = datasets.load(config.dataset, noise=config.data_noise, seed=config.seed, progress=progress)
        if config.model == "mlp":
            self._data = replace(self._data, x_train=self._data.x_train.flatten(1), x_test=self._data.x_test.flatten(1))
        self._batches = _batches(len(self._data.x_train), config.batch_size, config.seed)
        self._unchecked: list[tuple[Tensor, ...]] = []  # losses of the steps since the last measured one
        self._networks = {label: self._start(arm) for label, arm in zip(config.labels, config.arms, strict=True)}

    @property
    def models(self) -> dict[str, nn.Sequential]:
        """The networks, by their arms' labels."""
        return {label: network.model for label, network in self._networks.items()}

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
        job = self.advance(measure)
        return job() if job is not None else ()

    def advance(self, measure: bool) -> Callable[[], tuple[Frame, ...]] | None:
        """Make one update; with `measure`, return the measuring that is left to do, which may run in another thread.

        It has to be done before the next step that is measured.
        """
        rows, data = next(self._batches), self._data
        x, y = (data.x_train, data.y_train) if rows is None else (data.x_train[rows], data.y_train[rows])
        losses, job = [], None
        for network in self._networks.values():
            with network.probe if measure else nullcontext():
                losses.append(self._update(network, x, y))
        self._unchecked.append(tuple(losses))
        if measure:
            probes = {label: network.probe for label, network in self._networks.items()}
            batch = Batch(x, y, data.x_test, data.y_test, data.classes)
            job = partial(measure_step, self.step_count, probes, batch, self._loss_fn, self._layers)
        self.step_count += 1
        if measure or self.finished:
            self._flag_divergence()
        return job

    def change(self, arm: str | None = None, **fields: Any) -> Event:
        """Change settings of one arm (`normalization`, `noise`, `learning_rate`) or of all, from the next step on.

        Without `arm`: learning_rate, measure_every or steps. Normalization is inserted with gamma 1 and beta 0,
        or removed, in place; the weights stay. Returns the event, which is also appended to `events`.
        Errors: ValueError that says what was given and what is allowed.
        """
        if arm is None:
            _only(fields, LIVE_FIELDS, "a running network")
            self.config = replace(self.config, **fields)
        else:
            _only(fields, ("normalization", "noise", "learning_rate"), "an arm of a running network")
            network = self._network(arm)
            changed = replace(network.arm, **fields)
            self._rearm(arm, changed)
            if (changed.normalization, changed.noise) != (network.arm.normalization, network.arm.noise):
                self._renormalize(network, changed)
            network.arm, network.diverged = changed, False
        for network in self._networks.values():
            self._set_rate(network)
        return self._happened("change", arm, fields)

    def fork(self, arm: str, **fields: Any) -> str:
        """Copy an arm as it is now (weights, optimizer state) into a new arm with other settings.

        Returns the label of the new arm. Errors: ValueError as for `change`.
        """
        _only(fields, ("normalization", "noise", "learning_rate"), "a fork")
        source = self._network(arm)
        changed = replace(source.arm, **fields)
        self.config = replace(self.config, arms=(*self.config.arms, changed))
        label, number = changed.label, 2
        while label in self._networks:
            label, number = f"{changed.label} ({number})", number + 1
        model, optimizer = copy.deepcopy((source.model, source.optimizer))
        network = _Network(source.arm, model, optimizer, Probe(model), source.diverged)
        if (changed.normalization, changed.noise) != (source.arm.normalization, source.arm.noise):
            self._renormalize(network, changed)
        network.arm = changed
        self._set_rate(network)
        self._networks[label] = network
        self._happened("fork", arm, {**fields, "label": label})
        return label

    def _start(self, arm: Arm) -> _Network:
        config, data = self.config, self._data
        outputs = data.classes or data.y_train.shape[1]
        with torch.random.fork_rng(devices=[]):  # equal weights for all arms; the caller's random state stays
            torch.manual_seed(config.seed)
            options: Any = {
                "activation": config.activation,
                "normalization": arm.normalization,
                "init": config.init,
                "noise": arm.noise,
                "groups": config.groups,
                "bn_momentum": config.bn_momentum,
            }
            if config.model == "cnn":
                model = make_cnn(tuple(data.x_train.shape[1:]), config.width, config.depth, outputs, **options)
            else:
                model = make_mlp(data.x_train.shape[1], config.width, config.depth, outputs, **options)
        network = _Network(arm, model, self._optimizer(model), Probe(model))
        self._set_rate(network)
        return network

    def _optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        # Rates are set by _set_rate; the one given here only has to be valid. Fused: one call for all parameters.
        if self.config.optimizer == "adam":
            return torch.optim.Adam(model.parameters(), lr=1.0, fused=True)
        momentum = MOMENTUM if self.config.optimizer == "momentum" else 0.0
        return torch.optim.SGD(model.parameters(), lr=1.0, momentum=momentum, fused=True)

    def _set_rate(self, network: _Network) -> None:
        rate = network.arm.learning_rate
        for group in network.optimizer.param_groups:
            group["lr"] = self.config.learning_rate if rate is None else rate

    def _update(self, network: _Network, x: Tensor, y: Tensor) -> Tensor:
        network.optimizer.zero_grad()
        loss = self._loss_fn(network.model(x), y)
        loss.backward()
        network.optimizer.step()
        return loss.detach()

    def _flag_divergence(self) -> None:
        """Append an event for each arm whose loss stopped being finite since the last check, at its very step."""
        first = self.step_count - len(self._unchecked)
        for index, (label, network) in enumerate(self._networks.items()):
            losses = torch.stack([step[index] for step in self._unchecked if index < len(step)])
            bad = (~losses.isfinite()).nonzero()
            if len(bad) and not network.diverged:
                network.diverged = True
                offset = len(self._unchecked) - len(losses)  # an arm forked in between has fewer steps
                self.events.append(Event(first + offset + int(bad[0]), "diverged", label))
        self._unchecked.clear()

    def _renormalize(self, network: _Network, changed: Arm) -> None:
        config = self.config
        set_normalization(
            network.model, changed.normalization, noise=changed.noise,
            groups=config.groups, bn_momentum=config.bn_momentum,
        )  # fmt: skip
        kept = network.optimizer.state
        network.optimizer = self._optimizer(network.model)
        for parameter in network.model.parameters():
            if parameter in kept:
                network.optimizer.state[parameter] = kept[parameter]
        network.probe = Probe(network.model)

    def _rearm(self, label: str, arm: Arm) -> None:
        arms = [arm if each == label else network.arm for each, network in self._networks.items()]
        self.config = replace(self.config, arms=tuple(arms))

    def _network(self, label: str) -> _Network:
        if label not in self._networks:
            raise ValueError(f"Unknown arm {label!r}. Arms of this run: {', '.join(self._networks)}.")
        return self._networks[label]

    def _happened(self, kind: Any, arm: str | None, fields: dict[str, Any]) -> Event:
        event = Event(self.step_count, kind, arm, {name: str(value) for name, value in fields.items()})
        if not set(fields) <= {"steps", "measure_every"}:  # these two change nothing in the networks
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
