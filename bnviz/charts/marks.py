"""The marks of the timeline: what happened when, in a few words, and the step to look at for it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from bnviz.charts.scene import Mark, Scene
from bnviz.config import SETTINGS, TITLES, Arm
from bnviz.config.arm import ARM_SETTINGS
from bnviz.config.settings import Choice, Flag
from bnviz.frames import Event

SHORT = (
    {each.name: each.metadata["title"] for each in fields(Arm)} | TITLES | {"learning_rate": "rate", "noise": "noise"}
)
BY_NAME = SETTINGS | ARM_SETTINGS
TOLD = frozenset({"label", "place"})
"""What a fork's event holds for the program, not for people."""


def marks(scene: Scene) -> list[dict[str, Any]]:
    """`{"step", "look", "name", "text", "arm"}` for each event that belongs on a timeline, in order.

    look: the first kept step at which it shows; name: short, for the mark itself; arm: the arm's place, of a fork that
    of the new one, or None.
    """
    steps, places = [frames[0].step for frames in scene.steps], dict(zip(scene.titles, scene.places, strict=True))
    return [
        {
            "step": mark.event.step,
            "look": steps[min(bisect_left(steps, mark.event.step), len(steps) - 1)] if steps else mark.event.step,
            "name": name_of(mark.event),
            "text": text_of(mark),
            "arm": places.get(mark.event.changes.get("label", mark.event.arm or "")),
        }
        for mark in scene.marks
    ]


def name_of(event: Event) -> str:
    """An event in a few words, such as `BatchNorm`, `rate 0.1`, `fork: LayerNorm` or `diverged`."""
    changes = changed(event.changes)
    if event.kind in ("change", "grow"):
        return changes or event.kind
    return f"{event.kind}: {changes}" if changes else event.kind


def text_of(mark: Mark) -> str:
    """An event in words, such as `step 30: BatchNorm → rate 0.1` or `step 30: fork of BatchNorm → LayerNorm`."""
    event, changes = mark.event, changed(mark.event.changes)
    who = {"fork": f"fork of {mark.who}", "diverged": f"{mark.who} diverged"}.get(event.kind, mark.who)
    return f"step {event.step}: " + " → ".join(filter(None, (who, changes)))


def changed(changes: Mapping[str, str]) -> str:
    """Settings with their new values, as people say it."""
    return ", ".join(_said(name, value) for name, value in changes.items() if name not in TOLD)


def _said(name: str, value: str) -> str:
    setting, title = BY_NAME.get(name), SHORT.get(name, name.replace("_", " ")).lower()
    if isinstance(setting, Choice) and value in setting.names:
        value = setting.title(value)
        return value if name == "normalization" else f"{title} {value}"
    if isinstance(setting, Flag):
        return f"{title} {'on' if setting.parse(value) else 'off'}"
    return f"{title} {value}"
