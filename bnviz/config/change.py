"""What leads from one config to another: changes in the running networks, or a new start."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from bnviz.config import LIVE_ARM_FIELDS, LIVE_FIELDS, RunConfig
from bnviz.config.arm import Arm


@dataclass(frozen=True)
class Change:
    """Something that running networks take over."""

    arm: int | None
    """Place of the arm; None: all."""
    fields: dict[str, Any]
    """New values by name."""


@dataclass(frozen=True)
class Restart:
    """Only a new start leads there."""

    because_of: tuple[str, ...]
    """The fields of `RunConfig` that cannot change in running networks."""


def difference(now: RunConfig, wanted: RunConfig) -> tuple[Change, ...] | Restart:
    """What leads from one config to the other; no change where they are equal."""
    changed = {each.name for each in fields(RunConfig) if getattr(now, each.name) != getattr(wanted, each.name)}
    stuck = sorted(changed.difference(LIVE_FIELDS, {"arms"}))
    pairs = list(zip(now.arms, wanted.arms, strict=False))
    if len(now.arms) != len(wanted.arms) or any(_rebuilt(*pair) for pair in pairs):
        stuck.append("arms")
    if stuck:
        return Restart(tuple(stuck))
    general = {name: getattr(wanted, name) for name in LIVE_FIELDS if name in changed}
    changes = [Change(None, general)] if general else []
    for place, (old, new) in enumerate(pairs):
        different = {name: getattr(new, name) for name in LIVE_ARM_FIELDS if getattr(new, name) != getattr(old, name)}
        if different:
            changes.append(Change(place, different))
    return tuple(changes)


def _rebuilt(old: Arm, new: Arm) -> bool:
    fixed = [each.name for each in fields(Arm) if each.name not in LIVE_ARM_FIELDS]
    return any(getattr(old, name) != getattr(new, name) for name in fixed)
