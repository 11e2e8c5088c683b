"""Which arms a run has by now, and what they and its settings have become: what was asked for, then its events."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count

from bnviz.config import AS_IS, MAX_ARMS, Arm, RunConfig
from bnviz.config.arm import ARM_SETTINGS, parse_arm_field
from bnviz.frames import Event

LONGEST_NAME = 40
_NAME = re.compile(rf"[^<>&%{{}}\x00-\x1f\x7f]{{0,{LONGEST_NAME}}}")  # what a chart's label would take for its own


@dataclass(frozen=True, slots=True)
class Member:
    """An arm of a run as it is now."""

    arm: Arm
    place: int
    """Decides its colour; its own as long as it is there, whoever leaves."""
    name: str = ""
    """What its owner calls it; empty: nothing but what is done to it."""
    since: int | None = None
    """The step since which it is as it is, if it was forked or changed."""
    forked: bool = False
    """Whether it was forked there, and not changed since."""

    @property
    def title(self) -> str:
        """Its name for people: its own, or what is done to it, and since when."""
        return self.name or self.arm.title + self.history

    @property
    def history(self) -> str:
        """What comes after a name to tell it from one that is alike: ` · forked at step 30`, ` · since step 30`."""
        return "" if self.since is None else f" · {'forked at' if self.forked else 'since'} step {self.since}"


def lineup(config: RunConfig, events: Iterable[Event]) -> dict[str, Member]:
    """Each arm that is there after these events, by the label it has kept from its start, in order of place.

    config: the one that the run was started with.
    """
    (now,) = deque(lineups(config, events), maxlen=1)
    return dict(sorted(now.items(), key=lambda each: each[1].place))


def lineups(config: RunConfig, events: Iterable[Event]) -> Iterator[dict[str, Member]]:
    """The arms that are there at the start, and after each event in turn, as in `lineup`, in the order they came."""
    now = {label: Member(arm, place) for place, (label, arm) in enumerate(zip(config.labels, config.arms, strict=True))}
    yield dict(now)
    for event in events:
        happen(now, event)
        yield dict(now)


def happen(now: dict[str, Member], event: Event) -> None:
    """Let an event happen to the arms; one that speaks of an arm that is not there changes nothing."""
    member = now.get(event.arm or "")
    if member is None:
        return
    if event.kind == "fork":
        taken = {each.place for each in now.values()}
        place = int(event.changes.get("place", free_place(taken))) % MAX_ARMS
        arm = _changed(member.arm, event.changes)
        now[event.changes["label"]] = Member(arm, place, since=event.step, forked=True)
    elif event.kind == "change":
        now[event.arm or ""] = replace(
            member, arm=_changed(member.arm, event.changes), since=event.step, forked=False
        )  # fmt: skip
    elif event.kind == "rename" and _NAME.fullmatch(event.changes.get("name", "")):
        now[event.arm or ""] = replace(member, name=event.changes["name"])
    elif event.kind == "drop":
        del now[event.arm or ""]


def _changed(arm: Arm, changes: Mapping[str, str]) -> Arm:
    """The arm with these fields, given as text."""
    known = {name: parse_arm_field(name, text) for name, text in changes.items() if name in ARM_SETTINGS}
    return replace(arm, **known)


def free_place(taken: Collection[int]) -> int:
    """The first place that no arm has."""
    return next(place for place in count() if place not in taken)


def to_undo(events: Sequence[Event]) -> int | None:
    """The place among the events of what undoing undoes: the last change of networks, or fork that is still there."""
    dropped = {event.arm for event in events if event.kind == "drop"}
    return next(
        (
            place
            for place, event in reversed([*enumerate(events)])
            if (event.kind == "change" and event.touches_networks)
            or (event.kind == "fork" and event.changes["label"] not in dropped)
        ),
        None,
    )


def flipped(arm: Arm, config: RunConfig) -> str:
    """The normalization of an arm once it is flipped: BatchNorm if it has none, and the other way round.

    A net of somebody's own that has no BatchNorm is as it is without it.
    """
    plain = config.model == "own" and all(each.normalization != "none" for each in config.arms)
    off = AS_IS if plain else "none"
    return "batch" if arm.normalization == off else off


def new_label(label: str, given: Collection[str]) -> str:
    """The label for an arm that comes into a run: as those of its start, and none that was ever given there."""
    return next(each for each in chain([label], (f"{label} ({number})" for number in count(2))) if each not in given)


def parse_name(text: str) -> str:
    """A name for an arm, without blanks around it. Errors: ValueError that says what is allowed."""
    name = " ".join(text.split())
    if not _NAME.fullmatch(name) or not name.isprintable():  # as `recording.events` asks of all texts
        raise ValueError(
            f"A name has up to {LONGEST_NAME} characters that can be seen, none of < > & % {{ }}, got {text!r}."
        )
    return name


def current_arms(config: RunConfig, events: Iterable[Event]) -> dict[str, Arm]:
    """Each arm as it is after these events, by its label."""
    return {label: member.arm for label, member in lineup(config, events).items()}


def current_config(config: RunConfig, events: Iterable[Event]) -> RunConfig:
    """The config that a run was started with, as it is after these events."""
    events = list(events)
    changed = {name: text for event in events if event.kind == "change" and not event.arm
               for name, text in event.changes.items()}  # fmt: skip
    return replace(RunConfig.from_dict(changed, config), arms=tuple(current_arms(config, events).values()))
