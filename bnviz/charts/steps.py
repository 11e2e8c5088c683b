"""The axis of steps: linear or logarithmic, the same in every chart over steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bnviz.charts.look import Colors, axis, encode, floats, nice_above
from bnviz.charts.scene import Scene, View
from bnviz.frames import Floats

Encoded = dict[str, str]
NAMED = {0: "0", 1: "1", 10: "10", 100: "100", 10**3: "1k", 10**4: "10k", 10**5: "100k", 10**6: "1M", 10**7: "10M"}
"""The steps that a logarithmic axis labels."""


def steps_of(scene: Scene) -> NDArray[np.integer[Any]]:
    """The steps measured, (N,)."""
    steps = np.array([frames[0].step for frames in scene.steps], np.int32)
    return steps.astype(np.uint16) if steps.max(initial=0) < 2**16 else steps  # half the bytes


def last_step(scene: Scene) -> float:
    """End of the axis of steps: round, so that it does not move with every frame."""
    return nice_above(float(scene.steps[-1][0].step)) if scene.steps and scene.steps[-1][0].step else 10.0


def along(view: View, steps: ArrayLike) -> Floats:
    """Where steps lie on the axis: at themselves, or at log10(1 + step), which has a place for step 0."""
    places = np.asarray(steps, np.float64)
    return np.log10(1 + np.maximum(places, 0)) if view.log_steps else places


def ends_of(scene: Scene, view: View) -> tuple[float, float]:
    """Where the axis begins and ends."""
    low, high = along(view, [0, last_step(scene)])
    return float(low), float(high)


def across(view: View, steps: NDArray[np.integer[Any]]) -> dict[str, Encoded]:
    """Of a trace that has one point a step: where the points lie, and, unless that says it, which steps they are."""
    return {"x": floats(along(view, steps)), "customdata": encode(steps)} if view.log_steps else {"x": encode(steps)}


def told(view: View) -> str:
    """The step of a point in a hover label, whatever the axis."""
    return "step %{customdata}" if view.log_steps else "step %{x}"


def steps_axis(scene: Scene, view: View, colors: Colors, size: float) -> dict[str, Any]:
    """Range and labels of the axis of steps."""
    ends = list(ends_of(scene, view))
    if not view.log_steps:
        return axis(colors, size, range=ends, nticks=5)
    return axis(colors, size, range=ends, tickvals=along(view, [*NAMED]).tolist(), ticktext=[*NAMED.values()])


def every(count: int, most: int) -> slice:
    """Every first, second or further of `count` steps, so that no more than `most` are drawn; and to a regular beat:

    the choice stays as it is while steps are added, or lines would jitter.
    """
    return slice(None, None, max(1, -(-count // most)))


def thinned(scene: Scene, beat: slice) -> list[str]:
    """What there is to say where not every measured step is drawn."""
    return [f"1 in {beat.step} of {len(scene.steps)} measured steps"] if beat.step > 1 else []
