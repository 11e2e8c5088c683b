"""What frames tell of each arm, in numbers and yes or no: learning, gradients, health, shift. No words yet."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bnviz.config import Arm, RunConfig
from bnviz.frames import Event, Floats, Frame, current_arms, current_config
from bnviz.verdict.wording import Span, names

RECENT = 1 / 3
"""Medians are taken over this last part of the steps: batches differ, so one frame alone proves little."""
MARGIN = 0.05
"""Losses nearer than this to each other, in units of the loss of guessing, count as equal."""
LUCKY = 3.0
"""Guessing stays below the share of the commonest class and so many standard deviations of it in the test set."""
TOO_EARLY = 20
"""Before so many updates, what is not learned says nothing: nets with BatchNorm take 30 to 50 here."""
STEEP_RATE = 2.0
"""Gradients that change by this factor a layer vanish or explode, however few the layers; sigmoid: about 4 ..."""
STEEP_TOTAL = 10.0
"""... and so do those that change by this factor over all hidden layers; ReLU + BN: 1.21 a layer (Yang et al. 2019)."""
SATURATED = 0.3
"""A layer with this share of flat activations is saturated; tanh under BN has 0.036 at the start."""
DEAD = 0.3
"""A layer with this share of dead units is worth a word; He-initialized ReLU nets have up to 0.16 after training."""
ENOUGH = 32
"""In smaller batches many healthy ReLUs are 0 for every sample: 2^-32 of those that are on half of the time."""
GAP = 1.25
"""Train and eval loss on the same batch differ when they do by this factor (and by `MARGIN`)."""


@dataclass(frozen=True, eq=False)
class State:
    """One arm as it is now, and its frames since the last change of the run."""

    place: int
    name: str
    arm: Arm
    config: RunConfig
    frames: tuple[Frame, ...]
    """Since the last change or fork of any arm, so that no median mixes treatments."""
    recent: tuple[Frame, ...]
    """The last part of `frames`, over which medians are taken; the same steps for all arms."""
    diverged_at: int | None
    """The step at which the loss stopped being finite, as exactly as known."""

    @property
    def who(self) -> Span:
        """The arm in words."""
        return Span(self.name, self.place)

    def says(self, text: str) -> Span:
        """Text in the arm's colour."""
        return Span(text, self.place)

    @property
    def step(self) -> int:
        """The last step measured."""
        return self.frames[-1].step

    @property
    def started(self) -> bool:
        """Whether what is looked at comes after the first update."""
        return self.recent[0].step > 0

    @property
    def diverged(self) -> bool:
        """Whether the loss is no longer finite."""
        return self.diverged_at is not None

    @property
    def batch_normalized(self) -> bool:
        """Whether the arm now takes statistics over the batch."""
        return self.arm.kind.over_batch

    @property
    def classes(self) -> int:
        """Number of classes; 0 for regression."""
        return self.config.data.classes

    @property
    def batch_size(self) -> int:
        """Samples a step; never more than there are."""
        return min(self.config.batch_size, self.config.data.samples)

    @property
    def luck(self) -> float:
        """The test accuracy that guessing hardly reaches."""
        share = self.config.data.commonest or 1 / self.classes
        return share + LUCKY * math.sqrt(share * (1 - share) / self.config.data.tests)

    @property
    def guessing(self) -> float:
        """The loss of a net that has learned nothing: ln C; for regression the first loss measured."""
        return math.log(self.classes) if self.classes else self.frames[0].train_loss

    def median(self, name: str) -> Floats:
        """A field's median over the recent steps, layer by layer; NaN where it never applies."""
        return nan_median(np.array([getattr(frame, name) for frame in self.recent], np.float64))

    def value(self, name: str) -> float:
        """The median of a field that has one value an arm."""
        return float(self.median(name))


def nan_median(values: Floats) -> Floats:
    """The median over the first axis of what is not NaN; NaN where nothing is left."""
    empty = np.isnan(values).all(axis=0)
    return np.where(empty, np.nan, np.nanmedian(np.where(empty, 0.0, values), axis=0))


def read(config: RunConfig, steps: Sequence[Sequence[Frame]], events: Iterable[Event] = ()) -> tuple[State, ...]:
    """The state of each arm in the last of these steps; config is the one that the run started with."""
    if not steps or not steps[-1]:
        return ()
    last = steps[-1][0].step
    past = [event for event in events if event.step <= last]
    cut = max((event.step for event in past if event.touches_networks), default=0)
    now = current_config(config, past)
    arms = current_arms(config, past)
    called = dict(zip(arms, zip(range(len(arms)), names(list(arms.values())), strict=True), strict=True))
    states = []
    for label in [frame.arm for frame in steps[-1] if frame.arm in arms]:
        own = [frame for frames in steps for frame in frames if frame.arm == label]
        since = [frame for frame in own if frame.step >= cut] or own[-1:]
        first_recent = last - RECENT * (last - since[0].step)
        recent = [frame for frame in since if frame.step >= first_recent]
        place, name = called[label]
        at = _diverged_at(own, [event for event in past if event.kind == "diverged" and event.arm == label])
        states.append(State(place, name, arms[label], now, tuple(since), tuple(recent), at))
    return tuple(states)


def _diverged_at(frames: Sequence[Frame], events: Sequence[Event]) -> int | None:
    """The first step known to have a loss or gradient that is not finite; None if it is finite again, or still."""
    if not frames[-1].diverged and not (events and events[0].step >= frames[-1].step):
        return None
    return min([frame.step for frame in frames if frame.diverged] + [event.step for event in events])


def nothing_learned(state: State) -> bool:
    """Whether a classifier guesses: its losses are not below ln C, its accuracy is near 1/C.

    The loss on a small batch is noisy, so it gets more room.
    """
    if not state.classes or state.diverged:
        return False
    room = MARGIN + 0.5 / math.sqrt(state.batch_size)
    return (
        state.value("test_loss") > (1 - MARGIN) * state.guessing
        and state.value("train_loss") > (1 - room) * state.guessing
        and state.value("test_accuracy") < state.luck
    )


def too_early(state: State) -> bool:
    """Whether so few updates were made that a net which guesses may just not have begun."""
    return state.step < TOO_EARLY


def gradient_rate(grad_norm: Floats) -> float:
    """Factor by which hidden layers' gradient norms fall with each layer toward the input (least squares in logs).

    The first and the last layer have other widths and do not count. NaN where fewer than two are positive.
    """
    hidden = np.asarray(grad_norm)[1:-1]
    layer = np.arange(len(hidden))[np.isfinite(hidden) & (hidden > 0)]
    if len(layer) < 2:
        return float("nan")
    return float(np.exp(np.polyfit(layer, np.log(hidden[layer]), 1)[0]))


def steepness(state: State) -> int:
    """1: gradients vanish toward the input, -1: they explode, 0: neither."""
    norms = state.median("grad_norm")
    if np.any(norms == 0) and (norms[-1] > 0 or nothing_learned(state)):  # and not because the fit is perfect
        return 1
    slope = np.log(gradient_rate(norms))
    layers = np.count_nonzero(norms[1:-1] > 0)
    steep = abs(slope) * (layers - 1) >= math.log(STEEP_TOTAL) or (layers >= 3 and abs(slope) >= math.log(STEEP_RATE))
    return int(np.sign(slope)) if steep else 0


def worst_layer(state: State, name: str) -> tuple[str, float]:
    """The layer with the largest median of a field, and that value; NaN where the notion does not apply."""
    values = state.median(name)
    if np.isnan(values).all():
        return "", float("nan")
    place = int(np.nanargmax(values))
    return state.frames[-1].layers[place], float(values[place])


def saturated(state: State) -> bool:
    """Whether some layer's activations are mostly flat."""
    return worst_layer(state, "saturated")[1] >= SATURATED


def dead(state: State) -> bool:
    """Whether many units of some layer are 0 for a whole batch that is large enough to tell."""
    return state.batch_size >= ENOUGH and worst_layer(state, "dead")[1] >= DEAD


def eval_gap(state: State) -> bool:
    """Whether the loss on the same batch is another in eval mode than in train mode, because of the statistics."""
    train, evaluated = state.value("train_loss"), state.value("eval_loss")
    if not (state.batch_normalized and state.started) or state.diverged:
        return False
    low, high = sorted((train, evaluated))
    return high - low > MARGIN * state.guessing and high > GAP * low


def shift(state: State, measure: str) -> float:
    """ICS in the median layer: `l2`, `relative` or `cosine`. The first layer, whose ICS is 0 always, is left out."""
    return float(nan_median(state.median(f"ics_{measure}")[1:]))
