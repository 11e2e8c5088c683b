"""What there is to draw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np

from bnviz.charts.look import PALETTE, Colors, plain
from bnviz.charts.view import View
from bnviz.closeup import Closeup, Plane
from bnviz.config import Arm, RunConfig, numbered
from bnviz.frames import Event, Floats, Frame, arm_names, layer_names, quantities
from bnviz.lineup import Member, current_config, lineup, lineups

__all__ = ["Moment", "Scene", "View"]

Moment = Literal["none", "running", "resting", "past"]
"""Where the networks are that stand behind a picture: nowhere (a recording), in training, where the picture is, or
further on."""
EVERYONE = "all networks"
RECENT = 30
"""Measured steps that decide the ranges of axes, so that these do not jitter."""


class Mark(NamedTuple):
    """An event that changed what is trained, or that an arm diverged."""

    event: Event
    who: str
    """What people called its network just before it."""


@dataclass(frozen=True)
class Scene:
    """What is there to draw."""

    config: RunConfig | None
    """What the run was started with; None for a loop of somebody else's, which has names of layers and arms only."""
    steps: Sequence[tuple[Frame, ...]]
    """History, thinned or not: the frames of one step together, one per arm."""
    events: Sequence[Event]
    current: tuple[Frame, ...]
    """The frames drawn; older than the last of `steps` when scrubbing."""
    classes: int | None = None
    """Number of classes, where known: the loss of a network that has learned nothing is ln(classes)."""
    moment: Moment = "none"
    closeup: Closeup | None = None
    """One unit in the last update, where somebody has asked for it and the networks rest there."""
    plane: Plane | None = None
    """What the networks make of the plane, where their inputs lie in one and it is looked at."""
    solo: int | None = None
    """Place of the only arm that is drawn; None, and a place that no arm has: all are."""
    over: bool = False
    """Whether all steps are done, so that no more is measured unless somebody asks for it."""

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """Names of the weight layers, for charts."""
        if self.current:
            return tuple(plain(each) for each in self.current[0].layers)
        return () if self.config is None else layer_names(self.config)

    @cached_property
    def everyone(self) -> dict[str, Member]:
        """Each arm that is there, as it is at the step drawn, by its label, in order of place; one that is there later
        alone is as it will be, and each has the name that it was given, whenever that was.
        """
        if self.config is None:
            return {}
        now = lineup(self.config, self.events)
        if not self.behind:
            return now
        then = lineup(self.config, self.past_events)
        return {label: replace(then.get(label, each), name=each.name) for label, each in now.items()}

    @cached_property
    def members(self) -> dict[str, Member]:
        """Those of them that are drawn."""
        return {label: each for label, each in self.everyone.items() if each.place == self.solo} or self.everyone

    @cached_property
    def arms(self) -> dict[str, Arm]:
        """Each arm that is drawn as it is at the step drawn, by its label."""
        return {label: member.arm for label, member in self.members.items()}

    @cached_property
    def behind(self) -> bool:
        """Whether the step drawn is not the newest."""
        return bool(self.current and self.steps and self.current[0].step < self.steps[-1][0].step)

    @cached_property
    def past_events(self) -> Sequence[Event]:
        """What has happened by the step drawn."""
        return [each for each in self.events if each.step <= self.current[0].step] if self.behind else self.events

    @cached_property
    def titles(self) -> dict[str, str]:
        """Each drawn arm's name for people at the step drawn, by its label; arms that are alike are numbered."""
        if self.config is None:
            labels = arm_names(self.steps)
            alone = [label for place, label in enumerate(labels) if place == self.solo]
            return {label: plain(label) for label in alone or labels}
        titles = numbered(member.title for member in self.everyone.values())
        return {label: title for label, title in zip(self.everyone, titles, strict=True) if label in self.members}

    @cached_property
    def places(self) -> list[int]:
        """The place of each drawn arm, which decides its colour."""
        if self.config is None:
            return [arm_names(self.steps).index(label) for label in self.titles]
        return [member.place for member in self.members.values()]

    @cached_property
    def frames(self) -> list[Frame | None]:
        """The frame drawn for each arm; None for an arm that was not there yet.

        Of recordings laid over each other one may be over by now: it is drawn as it was in the end.
        """
        by_arm = {frame.arm: frame for frame in self.current}
        if self.config is None and len(by_arm) < len(self.titles):
            shown = self.current[0].step if self.current else -1
            past = (frame for frames in self.steps if frames[0].step <= shown for frame in frames)
            by_arm = {frame.arm: frame for frame in past} | by_arm
        return [by_arm.get(label) for label in self.titles]

    def drawn(self, frames: Iterable[Frame]) -> list[Frame]:
        """Those of these frames whose arms are drawn."""
        return [frame for frame in frames if frame.arm in self.titles]

    @cached_property
    def recent(self) -> list[Frame]:
        """Frames of the measured steps up to the one drawn that decide the ranges of axes."""
        shown = self.current[0].step if self.current else 0
        past = [frames for frames in self.steps[-RECENT:] if frames[0].step <= shown]
        if len(past) < min(RECENT, len(self.steps)):  # scrubbing
            past = [frames for frames in self.steps if frames[0].step <= shown][-RECENT:]
        return self.drawn([*(frame for frames in past for frame in frames), *filter(None, self.frames)])

    @cached_property
    def landscape_known(self) -> bool:
        """Whether the landscape is measured, or was earlier in this run."""
        measured = (np.isfinite(frame.landscape_beta) for frames in self.steps for frame in frames)
        asked = self.config is not None and current_config(self.config, self.events).landscape != "off"
        return asked or any(measured)

    @cached_property
    def tested(self) -> bool:
        """Whether there is a test set; somebody else's loop need not have one."""
        return self.config is not None or self.measured("test_loss") or self.measured("test_accuracy")

    @cached_property
    def classified(self) -> bool:
        """Whether the networks tell classes apart, so that there is an accuracy."""
        if self.config is not None:
            return self.config.data.classes > 0
        return self.measured("test_accuracy") or self.measured("train_accuracy")

    def measured(self, name: str) -> bool:
        """Whether a quantity has a value in any of the recent frames."""
        return any(np.isfinite(getattr(frame, name)).any() for frame in self.recent)

    @cached_property
    def marks(self) -> list[Mark]:
        """The events to mark on the charts over steps."""
        if self.config is None:
            marks = [Mark(event, event.arm or EVERYONE) for event in self.events]
        else:  # the arms before each event
            before = zip(self.events, lineups(self.config, self.events), strict=False)
            marks = [Mark(event, _called(event.arm, there)) for event, there in before]
        return [mark for mark in marks if mark.event.touches_networks or mark.event.kind == "diverged"]

    def colors(self, view: View) -> Colors:
        """The colours of the viewer's theme, those of the arms in the order in which they are drawn."""
        return PALETTE[view.theme].of(self.places)

    def recently(self, name: str) -> Floats:
        """A quantity in all recent frames, (N, ...)."""
        return np.array([getattr(frame, name) for frame in self.recent], np.float64)

    def known(self, name: str) -> list[Frame | None]:
        """For each arm the frame drawn; in somebody else's loop, which may measure a quantity now and then alone, the
        last one up to there that has it, if any does."""
        if self.config is not None or not self.current:
            return self.frames
        past = [frames for frames in self.steps if frames[0].step <= self.current[0].step]
        return [frame if frame is None or frame.diverged else _last_with(name, frame, past) for frame in self.frames]

    def history(self, name: str, label: str, layer: int | None = None) -> Floats:
        """A quantity of one arm at each step of `steps`, (N, ...); NaN where the arm is missing."""
        shape = next(each.shape for each in quantities(len(self.layers)) if each.name == name)
        missing: Any = np.full(shape, np.nan)
        values = [missing if frame is None else getattr(frame, name) for frame in self._frames_of[label]]
        if layer is not None:
            shape, values = shape[1:], [value[layer] for value in values]
        return np.array(values, np.float64).reshape(len(values), *shape)

    @cached_property
    def _frames_of(self) -> dict[str, list[Frame | None]]:
        """Each arm's frame at each step of `steps`, by its label."""
        by_step = [{frame.arm: frame for frame in frames} for frames in self.steps]
        return {label: [frames.get(label) for frames in by_step] for label in self.titles}

    def diverged(self, label: str) -> int | None:
        """The step at which an arm diverged, if it did by the step drawn."""
        shown = self.current[0].step if self.current else 0
        steps = [each.step for each in self.events if each.kind == "diverged" and each.arm == label]
        if steps:
            return min(steps) if min(steps) <= shown else None
        return next((each.step for each in self.current if each.arm == label and each.diverged), None)


def _called(arm: str | None, there: Mapping[str, Member]) -> str:
    """What people call an arm, as it is among those that are there."""
    members = dict(sorted(there.items(), key=lambda each: each[1].place))
    titles = numbered(member.name or member.arm.title for member in members.values())
    return dict(zip(members, titles, strict=True)).get(arm or "", EVERYONE)


def _last_with(name: str, frame: Frame, past: Sequence[Sequence[Frame]]) -> Frame:
    """The frame, if it has a value of this quantity, else the arm's last one that has."""
    own = (each for frames in reversed(past) for each in frames if each.arm == frame.arm)
    return next((each for each in (frame, *own) if np.isfinite(getattr(each, name)).any()), frame)


def evenly(count: int, most: int) -> list[int]:
    """Places of at most so many of `count` things, evenly spread, the first and the last among them."""
    return sorted({round(place) for place in np.linspace(0, count - 1, min(count, most))})


def chosen_layer(scene: Scene, view: View, default: int | None = None) -> int:
    """The layer drawn over steps: the viewer's, or else a default (None: the last hidden one)."""
    usual = max(0, len(scene.layers) - 2) if default is None else default
    return min(usual if view.layer is None else view.layer, len(scene.layers) - 1)


def chosen_arm(scene: Scene, view: View) -> str:
    """The label of the network seen close by: the viewer's, or else the first with BatchNorm, or else the first."""
    labels = list(scene.arms)
    if view.net is not None:
        return labels[min(view.net, len(labels) - 1)]
    return next((label for label, arm in scene.arms.items() if arm.kind.over_batch), labels[0])
