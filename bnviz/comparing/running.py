"""One run: a variant trained at one rate from one seed, and what was measured of it."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bnviz.comparing.samples import Samples, batches, split
from bnviz.comparing.scoring import EVAL_BATCH, LossFn, score
from bnviz.comparing.settings import Settings
from bnviz.frames import Frame
from bnviz.models.copies import told
from bnviz.models.factory import make
from bnviz.models.variants import Variant, variant
from bnviz.watching import Watch
from bnviz.watching import watch as watch_loop
from bnviz.watching.mirror import Mirror

MEASURED = 10
"""Steps of a run, evenly apart, at which its layers are measured."""
CURVE = 50
"""Points of the curve that is kept of the training loss."""


@dataclass(frozen=True)
class Layer:
    """What was measured of a layer: medians over the measured steps of a run; NaN where a notion does not apply."""

    name: str
    grad_norm: float
    saturated: float
    dead: float
    ics_relative: float
    ics_cosine: float
    running_mean_gap: float
    running_var_ratio: float


MEASURES = tuple(name for name in Layer.__dataclass_fields__ if name != "name")


@dataclass(frozen=True)
class Run:
    """A variant trained at one rate from one seed."""

    variant: str
    learning_rate: float
    seed: int
    train_loss: float = math.nan
    """Mean over the last tenth of the steps, in train mode."""
    test_loss: float = math.nan
    test_accuracy: float = math.nan
    train_mode_test_loss: float = math.nan
    """The test loss with each batch's own statistics, dropout off: what differs is the running statistics' doing."""
    diverged_at: int | None = None
    """The first step whose loss is not finite; the number of steps where only the test loss is not."""
    error: str | None = None
    """What the net or the loss raised."""
    seconds: float = math.nan
    curve: tuple[float, ...] = ()
    """Training loss, means over up to `CURVE` equal stretches of the steps."""
    layers: tuple[Layer, ...] = ()
    problems: tuple[str, ...] = ()
    """What of the layers could not be measured."""

    @property
    def finished(self) -> bool:
        """Whether it ended with a finite loss."""
        return self.diverged_at is None and self.error is None


@dataclass(frozen=True, eq=False)
class Race:
    """What all runs share."""

    make_model: Callable[..., nn.Module]
    train: Samples
    test: Samples | None
    """None: a fifth of `train`, drawn by the seed of each run."""
    loss_fn: LossFn
    settings: Settings
    fit: tuple[Sequence[int] | None, int | None]
    """Shape of a sample and numbers to give for one, for a factory that asks."""

    def places(self, seed: int) -> tuple[Tensor, Tensor]:
        """The samples to train on and those to test with, of a seed."""
        if self.test is None:
            return split(len(self.train), seed)
        order = torch.randperm(len(self.test), generator=torch.Generator().manual_seed(seed))
        return torch.arange(len(self.train)), order

    def batches(self, seed: int) -> Iterator[Tensor]:
        """The samples of each step, of a seed."""
        return batches(self.places(seed)[0], self.settings.batch_size, self.settings.steps, seed)

    def variant(self, kind: str, seed: int) -> Variant:
        """A variant with the weights it starts from: the net that the factory makes after the seed, changed."""
        with seeded(seed):
            model = make(self.make_model, *self.fit)
        x, _ = self.train.batch(next(self.batches(seed)))
        with seeded(seed):
            return variant(model, kind, partial(_forward, x=x))

    def run(self, kind: str, rate: float, seed: int) -> Run:
        """Train a variant; what it raises is a result as well."""
        started = time.perf_counter()
        found = Run(kind, rate, seed)
        try:
            model = self.variant(kind, seed).model
            with seeded(seed):
                found = self._trained(found, model)
        except Exception as error:  # noqa: BLE001  somebody's net may raise anything, and the other runs go on
            found = replace(found, error=told(error))
        return replace(found, seconds=time.perf_counter() - started)

    def _trained(self, run: Run, model: nn.Module) -> Run:
        model.train()
        optimizer = self.settings.optimizer_for(model, run.learning_rate)
        every = -(-self.settings.steps // MEASURED)
        losses: list[float] = []
        with _unsaid(), watch_loop(model, optimizer, every=every) as watch:
            loss_fn = watch.loss(self.loss_fn)
            for places in self.batches(run.seed):
                x, y = self.train.batch(places)
                optimizer.zero_grad()
                loss = loss_fn(model(x), y)
                losses.append(float(loss.detach()))
                if not math.isfinite(losses[-1]):
                    break
                loss.backward()
                optimizer.step()
            run = replace(run, curve=_curve(losses), layers=_layers(watch), problems=tuple(watch.problems))
        if not math.isfinite(losses[-1]):
            return replace(run, diverged_at=len(losses) - 1)
        return self._tested(replace(run, train_loss=float(np.mean(losses[-max(1, len(losses) // 10) :]))), model)

    def _tested(self, run: Run, model: nn.Module) -> Run:
        samples = self.test or self.train
        places = self.places(run.seed)[1]
        loss, share = score(model.eval(), samples, places, self.loss_fn, EVAL_BATCH)
        if not math.isfinite(loss):
            return replace(run, diverged_at=self.settings.steps)
        mirror = Mirror(model)
        mirror.twin.train()
        with mirror.without_dropout():
            own, _ = score(mirror.twin, samples, places, self.loss_fn, self.settings.batch_size)
        return replace(run, test_loss=loss, test_accuracy=share, train_mode_test_loss=own)


def _forward(model: nn.Module, x: Any) -> Any:
    return model(x)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Random states of torch, NumPy and Python set by the seed; afterwards they are as before."""
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


@contextmanager
def _unsaid() -> Iterator[None]:
    """What a watch has to say is kept in the run, and not written on every one's screen."""
    log = logging.getLogger("bnviz.watch")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


def _curve(losses: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(np.mean(part)) for part in np.array_split(losses, min(CURVE, len(losses))))


def _layers(watch: Watch) -> tuple[Layer, ...]:
    frames = watch.recording.frames
    names = frames[0].layers if frames else ()
    columns = [[_median(frames, name, place) for name in MEASURES] for place in range(len(names))]
    return tuple(Layer(name, *values) for name, values in zip(names, columns, strict=True))


def _median(frames: Sequence[Frame], name: str, place: int) -> float:
    values = np.array([getattr(frame, name)[place] for frame in frames])
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else math.nan
