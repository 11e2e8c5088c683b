"""What a chart shows now, in words: the numbers that the eye would take from it, for who listens to the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from bnviz.charts.measures import Measure
from bnviz.charts.scales import Share
from bnviz.charts.scene import Scene, View, evenly
from bnviz.frames import PERCENTILES, Floats, Frame
from bnviz.verdict.wording import number, percent

Quantity = tuple[str, str, int | None]
"""A field of `Frame`, its name for people, and the layer whose value is told."""
NOTHING = "Nothing is measured yet."
FEW = 3
"""Layers told of a distribution: the first, one in the middle, the last."""


def by_layer(scene: Scene, view: View, measure: Measure, arms: Iterable[int] | None = None) -> str:
    """Where a measure is least and largest over the layers of each network at the step drawn."""
    said, known = [], scene.known(measure.name)
    for arm, title in _titles(scene, arms):
        frame = known[arm]
        values = np.full(1, np.nan) if frame is None else np.asarray(getattr(frame, measure.name), np.float64)
        if np.isfinite(values).any():
            ends = (int(np.nanargmin(values)), int(np.nanargmax(values)))
            low, high = (f"{_value(measure, values[end])} in {scene.layers[end]}" for end in ends)
            said.append(f"{title}: least {low}, largest {high}")
        else:
            said.append(f"{title}: {_gone(scene, arm)}")
    return _at_step(scene, said)


def over_steps(
    scene: Scene, view: View, wanted: Sequence[Quantity], say: Callable[[Any], str] = number,
    arms: Iterable[int] | None = None,
) -> str:  # fmt: skip
    """Each quantity of each network at the first step that has it, and at the step drawn.

    say: a value, of one step, in words.
    """
    shown = scene.current[0].step if scene.current else -1
    past = [frames for frames in scene.steps if frames[0].step <= shown]
    said = []
    for arm, title in _titles(scene, arms):
        label, parts = list(scene.titles)[arm], []
        for name, what, layer in wanted:
            first, last = (_known(order, label, name, layer) for order in (past, reversed(past)))
            if first is not None and last is not None:
                there = f"{what} {say(first[1])} at step {first[0]}"
                parts.append(there + (f", {say(last[1])} at step {last[0]}" if last[0] > first[0] else ""))
        if scene.diverged(label) is not None or not parts:
            parts.append(_gone(scene, arm))
        said.append(f"{title}: {'; '.join(parts)}")
    return _sentences(said) if past else NOTHING


def of_measure(scene: Scene, view: View, measure: Measure, layer: int) -> str:
    """A measure of one layer over steps."""
    what = measure.what.rstrip(":")
    wanted = [(measure.name, f"{scene.layers[layer]}, {what}" if layer is not None else what, layer)]
    return over_steps(scene, view, wanted, lambda value: _value(measure, value))


def columns(names: Sequence[str]) -> Callable[[Floats], str]:
    """How a value of several columns is said, each with its name."""
    return lambda values: ", ".join(f"{name} {number(float(each))}" for name, each in zip(names, values, strict=True))


def percentiles(scene: Scene, view: View, name: str, layer: int, arms: Iterable[int] | None = None) -> str:
    """Percentiles of one layer at the first step, and at the step drawn."""
    names = [f"{each}\N{NO-BREAK SPACE}%" for each in PERCENTILES]
    return over_steps(scene, view, [(name, f"percentiles of {scene.layers[layer]}:", layer)], columns(names), arms)


def distributions(scene: Scene, view: View, arm: int) -> str:
    """How the values of a few layers of one network are spread at the step drawn."""
    frame = scene.frames[arm]
    ((_, title),) = _titles(scene, [arm])
    if frame is None or scene.diverged(list(scene.titles)[arm]) is not None:
        return _at_step(scene, [f"{title}: {_gone(scene, arm)}"])
    shown = evenly(len(scene.layers), FEW)
    return _at_step(scene, [f"{title}, {scene.layers[layer]}: {_spread(frame, view, layer)}" for layer in shown])


def _spread(frame: Frame, view: View, layer: int) -> str:
    if view.values == "input":
        return f"mean {number(frame.input_mean[layer])}, standard deviation {number(frame.input_std[layer])}"
    low, middle, high = (number(value) for value in frame.preactivation_percentiles[layer])
    return f"median {middle}, seven in ten from {low} to {high}"


def _titles(scene: Scene, arms: Iterable[int] | None) -> list[tuple[int, str]]:
    titles = list(scene.titles.values())
    return [(arm, titles[arm]) for arm in (range(len(titles)) if arms is None else arms)]


def _known(steps: Iterable[Sequence[Frame]], label: str, name: str, layer: int | None) -> tuple[int, Any] | None:
    """Step and value of an arm's first frame, in this order, that has the quantity."""
    for frames in steps:
        for frame in frames:
            value = getattr(frame, name)
            value = value if layer is None else value[layer]
            if frame.arm == label and np.isfinite(value).all():
                return frame.step, value
    return None


def _gone(scene: Scene, arm: int) -> str:
    at = scene.diverged(list(scene.titles)[arm])
    return "nothing is measured" if at is None else f"diverged at step {at}"


def _value(measure: Measure, value: float) -> str:
    return percent(value) if isinstance(measure.scale, Share) else number(value)


def _at_step(scene: Scene, said: Sequence[str]) -> str:
    return f"Step {scene.current[0].step}. {_sentences(said)}" if scene.current else NOTHING


def _sentences(said: Sequence[str]) -> str:
    return " ".join(f"{each[:1].upper()}{each[1:]}." for each in said)
