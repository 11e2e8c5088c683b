"""Markers on lines: where lines cross, colour alone does not tell every eye which is whose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnviz.charts.look import floats
from bnviz.frames import Floats

ALONG = 4
"""Markers of a network on each of its lines, over the whole axis."""
APART = 5
"""Of many layers every fifth has a marker that is large enough to be told apart."""


def along(
    lines: Sequence[tuple[Floats, Floats]], span: tuple[float, float], arm: int, arms: int, look: dict[str, Any]
) -> dict[str, Any]:
    """A trace of an arm's markers on its lines, (N,) and (N,) each, at places evenly spread over the axis.

    They stay where they are while lines grow, and no two of the `arms` have theirs at the same place.
    """
    low, high = span
    wanted = low + (high - low) * (np.arange(ALONG) + (arm + 0.5) / arms) / ALONG
    found = [(x, y, places[places < len(x)]) for x, y in lines for places in [np.searchsorted(x, wanted)]]
    xs, ys = ([part[axis][part[2]] for part in found] for axis in (0, 1))
    return {
        "type": "scatter", "mode": "markers", "x": floats(np.concatenate(xs)), "y": floats(np.concatenate(ys)),
        "marker": look, "hoverinfo": "skip",
    }  # fmt: skip


def by_layer(count: int, arm: int, size: float) -> float | list[float]:
    """Sizes of an arm's markers on a line over so many layers: all alike, or of many layers a few that are larger."""
    if size >= APART:
        return size
    places: NDArray[np.intp] = np.arange(count)
    sizes: list[float] = np.where(places % APART == arm % APART, 2 * size, size).tolist()
    return sizes
