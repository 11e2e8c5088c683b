"""One arm as it is now, and its frames since the last change of the run: what every verdict is made from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bnviz.config import AS_IS, Arm, RunConfig
from bnviz.frames import Event, Floats, Frame, arm_names
from bnviz.lineup import current_config, lineup
from bnviz.verdict.wording import Span, names

RECENT = 1 / 3
"""Medians are taken over this last part of the steps: batches differ, so one frame alone proves little."""
LUCKY = 3.0
"""Guessing stays below the share of the commonest class and so many standard deviations of it in the test set."""
ENOUGH = 32
"""In smaller batches many healthy ReLUs are 0 for every sample: 2^-32 of those that are on half of the time."""


@dataclass(frozen=True, eq=False)
class State:
    """One arm as it is now, and its frames since the last change of the run."""

    place: int
    name: str
    arm: Arm | None
    """None for a network of somebody else's loop."""
    config: RunConfig | None
    """None for somebody else's loop."""
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
        if self.arm is not None and self.arm.normalization != AS_IS:
            return self.arm.kind.over_batch
        return bool(np.isfinite(self.frames[-1].running_mean_gap).any())

    @property
    def treated(self) -> bool:
        """Whether anything is done to the network beside normalizing it: noise, or a trick."""
        return self.arm is not None and (self.arm.noise or self.arm.trick != "none")

    @property
    def normalization(self) -> str:
        """Its name; empty where it is not known."""
        return "" if self.arm is None else self.arm.normalization

    @property
    def classes(self) -> int:
        """Number of classes; 0 for regression, and where it is not known."""
        return 0 if self.config is None else self.config.data.classes

    @property
    def result(self) -> str:
        """The field of `Frame` that tells how well it does: test accuracy, else test loss, else the loss it trains."""
        if self.config is not None:
            return "test_accuracy" if self.classes else "test_loss"
        tested = (name for name in ("test_accuracy", "test_loss") if math.isfinite(self.value(name)))
        return next(tested, "train_loss")

    @property
    def batch_size(self) -> int:
        """Samples a step; never more than there are. Where it is not known: as many as are enough."""
        if self.config is None:
            return ENOUGH
        return min(self.config.batch_size, self.config.data.samples)

    @property
    def luck(self) -> float:
        """The test accuracy that guessing hardly reaches."""
        if self.config is None:
            return math.nan
        share = self.config.data.commonest or 1 / self.classes
        return share + LUCKY * math.sqrt(share * (1 - share) / self.config.data.tests)

    @property
    def guesses(self) -> bool:
        """Whether the loss of a net that has learned nothing is known: it is ln C, under cross-entropy."""
        return self.config is not None and self.config.loss == "cross_entropy"

    @property
    def guessing(self) -> float:
        """The loss of a net that has learned nothing: ln C; where that is not known, the first loss measured."""
        return math.log(self.classes) if self.guesses else self.frames[0].train_loss

    def median(self, name: str) -> Floats:
        """A field's median over the recent steps, layer by layer; NaN where it never applies."""
        return nan_median(np.array([getattr(frame, name) for frame in self.recent], np.float64))

    def value(self, name: str) -> float:
        """The median of a field that has one value an arm."""
        return float(self.median(name))


def nan_median(values: Floats) -> Floats:
    """The median over the first axis of what is not NaN; NaN where nothing is left."""
    # np.nanmedian takes a masked array for what is short, ten times as long as this.
    known = len(values) - np.isnan(values).sum(axis=0)
    places = np.stack([np.maximum(known - 1, 0) // 2, np.minimum(known // 2, len(values) - 1)])
    low, high = np.take_along_axis(np.sort(values, axis=0), places, axis=0)  # NaN is sorted last
    middle: Floats = (low + high) / 2
    return middle


def read(config: RunConfig | None, steps: Sequence[Sequence[Frame]], events: Iterable[Event] = ()) -> tuple[State, ...]:
    """The state of each arm in the last of these steps.

    config: the one that the run started with; None for somebody else's loop, whose arms have names alone. Of recordings
    laid over each other there may be arms that have ended before: their state is that of their own last step.
    """
    if not steps or not steps[-1]:
        return ()
    last = steps[-1][0].step
    # What was dropped or named later is not there, or has that name, at any step.
    past = [event for event in events if event.step <= last or event.kind in ("drop", "rename")]
    cut = max((event.step for event in past if event.touches_networks), default=0)
    now, arms, called = _arms(config, past, steps)
    gone = {event.arm for event in past if event.kind == "drop"}
    there = [frame.arm for frame in steps[-1] if frame.arm in called]
    states = []
    for label in there if config is not None else [label for label in called if label not in gone]:
        own = [frame for frames in steps for frame in frames if frame.arm == label]
        since = [frame for frame in own if frame.step >= cut] or own[-1:]
        first_recent = own[-1].step - RECENT * (own[-1].step - since[0].step)
        recent = [frame for frame in since if frame.step >= first_recent]
        place, name = called[label]
        name += f" (until step {own[-1].step})" if own[-1].step < last else ""
        at = _diverged_at(own, [event for event in past if event.kind == "diverged" and event.arm == label])
        states.append(State(place, name, arms.get(label), now, tuple(since), tuple(recent), at))
    return tuple(states)


def _arms(
    config: RunConfig | None, past: Sequence[Event], steps: Sequence[Sequence[Frame]]
) -> tuple[RunConfig | None, dict[str, Arm], dict[str, tuple[int, str]]]:
    """The config and the arms as they are by now, and each arm's place and name for people, by label."""
    if config is None:
        return None, {}, {arm: (place, f"in {arm}") for place, arm in enumerate(arm_names(steps))}
    members = lineup(config, past)
    arms = {label: member.arm for label, member in members.items()}
    told = zip(members.items(), names(members.values()), strict=True)
    called = {label: (each.place, name) for (label, each), name in told}
    return current_config(config, past), arms, called


def _diverged_at(frames: Sequence[Frame], events: Sequence[Event]) -> int | None:
    """The first step known to have a loss or gradient that is not finite; None if it is finite again, or still."""
    if not frames[-1].diverged and not (events and events[0].step >= frames[-1].step):
        return None
    return min([frame.step for frame in frames if frame.diverged] + [event.step for event in events])
