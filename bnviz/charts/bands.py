"""Bands over steps: percentiles of a distribution, or the least and the largest of several values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bnviz.charts import signs
from bnviz.charts.lines import chart, marker_look
from bnviz.charts.look import Figure, floats, translucent
from bnviz.charts.scene import Scene, View
from bnviz.charts.steps import across, along, ends_of, every, steps_of, thinned, told
from bnviz.frames import Floats

MOST_POINTS = 200
"""Steps drawn at most; of more, every second or third."""


def band(
    scene: Scene, view: View, name: str, names: Sequence[str], layer: int | None, axis: Callable[[Floats], Any]
) -> Figure:
    """A band for each network between the first and the last column of a quantity, (K,) a step.

    names: of the K columns, for people; with three, the middle one is drawn as a strong line. axis: from all
    values, (N, K), to settings of the vertical axis and the note beside the chart.
    """
    colors, beat = scene.colors(view), every(len(scene.steps), MOST_POINTS)
    steps = steps_of(scene)[beat]
    areas: list[Any] = []
    markers: list[Any] = []
    traces, found = [], []
    for place, (label, title) in enumerate(scene.titles.items()):
        values = scene.history(name, label, layer)[beat]
        found.append(values)
        x, y = around(along(view, steps), values[:, 0], values[:, -1])
        color = colors.arm(place)
        areas.append({
            "type": "scatter", "mode": "lines", "x": floats(x), "y": floats(y), "hoverinfo": "skip",
            "fill": "toself", "fillcolor": translucent(color, 0.22), "line": {"width": 0},
        })  # fmt: skip
        line = (along(view, steps), values[:, len(names) // 2])  # the middle one, or the upper of two
        markers.append(
            signs.along([line], ends_of(scene, view), place, len(scene.titles), marker_look(scene, view, place))
        )
        for column, what in enumerate(names):
            strong = len(names) == 3 and column == 1
            width = (2.5 if view.present else 1.7) * (1 if strong else 0.5)
            traces.append({
                "type": "scatter", "mode": "lines", **across(view, steps), "y": floats(values[:, column]),
                "line": {"color": color, "width": width, "simplify": True}, "hoverlabel": {"bordercolor": color},
                "hovertemplate": f"{told(view)} · {title}<br>{what} %{{y:.3~g}}<extra></extra>",
            })  # fmt: skip
    settings, note = axis(np.concatenate(found) if found else np.zeros((0, len(names))))
    traces = [*areas, *traces, *markers]
    return chart(scene, view, traces, settings, "; ".join([*filter(None, [note]), *thinned(scene, beat)]))


def around(x: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """One line around the area between two curves, (N,) each: there along the upper, back along the lower.

    Where a value is missing the area ends; its parts are divided by NaN.
    """
    known = np.isfinite(low) & np.isfinite(high)
    # Where a known run begins, and where it ends.
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]])))
    gap = np.full(1, np.nan)
    xs, ys = [np.zeros(0)], [np.zeros(0)]
    for start, end in edges.reshape(-1, 2):
        part = slice(start, end)
        xs += [x[part], x[part][::-1], gap]
        ys += [high[part], low[part][::-1], gap]
    return np.concatenate(xs), np.concatenate(ys)
