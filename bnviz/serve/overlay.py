"""Two recordings on common axes: their networks side by side, as if they were those of one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bnviz.charts.scene import Scene
from bnviz.config import numbered
from bnviz.frames import Description, Event, Frame, quantities
from bnviz.recording import Recording
from bnviz.source import Kept

LONGEST_NAME = 24
"""Letters of a recording's name that its networks bear."""
Named = tuple[str, Recording]
"""A recording, and the name that its networks get."""


def overlay(first: Named, second: Named) -> Kept:
    """Both as one recording without settings: layers by number, the output last, networks named by recording.

    What they cannot be compared in is its `text`, in one sentence. Between the first and the last of its own steps a
    network is shown at each step of either recording, as it was when it was measured last.
    """
    called = numbered(_short(name) for name, _ in (first, second))
    both = (first[1], second[1])
    layers = max((_layers(each) for each in both), key=len)
    parts = [_renamed(name, each, layers) for name, each in zip(called, both, strict=True)]
    frames, events = _merged([part[0] for part in parts]), [event for part in parts for event in part[1]]
    arms = tuple(arm for part in parts for arm in part[2])
    about = Description(layers, arms)
    recording = Recording(about, frames, tuple(sorted(events, key=lambda event: event.step)))
    return Kept(recording, text=apart((called[0], both[0]), (called[1], both[1])))


def apart(first: Named, second: Named) -> str:
    """What two recordings cannot be compared in, in one sentence; empty: all of it can be compared."""
    said = []
    both = (first[1], second[1])
    one, other = (each.config for each in both)
    if one is None or other is None:
        said.append("settings, as those of a loop that is not bnviz's own are not known")
    else:
        if one.dataset != other.dataset or (one.data.drawn and one.data_noise != other.data_noise):
            said.append("losses and accuracies, as the data differ")
        elif one.loss != other.loss:
            said.append("losses, as one is trained by another loss")
        if one.model != other.model:
            said.append("layers, as the nets are of another kind")
    lengths = [len(_layers(each)) for each in both]
    if lengths[0] != lengths[1]:
        said.append(f"layers one by one, as one net has {lengths[0]} and the other {lengths[1]}")
    ends = [each.frames[-1].step if each.frames else 0 for each in both]
    if ends[0] != ends[1]:
        name = (first, second)[ends.index(min(ends))][0]
        said.append(f"anything beyond step {min(ends):,}, where {name} ends")
    return f"Not to be compared: {'; '.join(said)}; all else is on common axes." if said else ""


def _short(name: str) -> str:
    name = name.strip() or "recording"
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1].rstrip() + "…"


def _layers(recording: Recording) -> tuple[str, ...]:
    return recording.frames[0].layers if recording.frames else recording.description.layers


def _renamed(
    name: str, recording: Recording, layers: tuple[str, ...]
) -> tuple[list[tuple[Frame, ...]], list[Event], tuple[str, ...]]:
    """The steps, the events and the networks of a recording under their names in common."""
    steps = list(recording.steps())
    scene = Scene(recording.config, steps, recording.events, steps[-1] if steps else ())
    titles = numbered(f"{name}: {title}" for title in scene.titles.values())
    called = dict(zip(scene.titles, titles, strict=True))
    shown = [drawn for frames in steps if (drawn := scene.drawn(frames))]  # without networks that were dropped
    found = [tuple(_placed(frame, called[frame.arm], layers) for frame in frames) for frames in shown]
    events = [replace(event, arm=name if event.arm is None else called.get(event.arm, f"{name}: {event.arm}"))
              for event in recording.events]  # fmt: skip
    return found, events, tuple(titles)


def _placed(frame: Frame, arm: str, layers: tuple[str, ...]) -> Frame:
    """The frame as one of a net with these layers: those that it lacks come before its output, not measured."""
    own, lacking = len(frame.layers), len(layers) - len(frame.layers)
    changes: dict[str, Any] = {"arm": arm, "layers": layers}
    if lacking:
        for name, shape, counts, per_layer in quantities(own):
            if per_layer:
                value = np.asarray(getattr(frame, name))
                empty = np.zeros((lacking, *shape[1:]), np.int32) if counts else np.full((lacking, *shape[1:]), np.nan)
                if name.endswith("_range"):  # as of a net that is still to grow: there, and empty
                    empty = np.repeat(value[-1:], lacking, axis=0)
                changes[name] = np.concatenate([value[:-1], empty, value[-1:]])
    return replace(frame, **changes)


def _merged(parts: Sequence[list[tuple[Frame, ...]]]) -> tuple[Frame, ...]:
    """The frames of both at each step of either, those of the first recording first."""
    grid = sorted({frames[0].step for steps in parts for frames in steps})
    columns = [_held(steps, grid) for steps in parts]
    return tuple(frame for rows in zip(*columns, strict=True) for frames in rows for frame in frames)


def _held(steps: list[tuple[Frame, ...]], grid: list[int]) -> list[tuple[Frame, ...]]:
    """For each step of the grid the frames measured then, or last before; none beyond the first and the last."""
    found: list[tuple[Frame, ...]] = []
    place = -1
    for step in grid:
        while place + 1 < len(steps) and steps[place + 1][0].step <= step:
            place += 1
        over = place < 0 or step > steps[-1][0].step
        found.append(() if over else tuple(replace(frame, step=step) for frame in steps[place]))
    return found
