"""The tab of distributions over time: percentiles (Ioffe & Szegedy 2015, Fig. 1), and whole densities as heatmaps."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnviz.charts import telling
from bnviz.charts.bands import band
from bnviz.charts.explanations import EXPLANATIONS
from bnviz.charts.lines import chart
from bnviz.charts.look import Figure, encode, floats, hull, translucent
from bnviz.charts.panel import Panel, Part, Tab, layer_switch, name_of_arm, over_steps, strong
from bnviz.charts.rows import PEAK, UNIT
from bnviz.charts.scene import Scene, View, chosen_layer, evenly
from bnviz.charts.steps import along, every, steps_of
from bnviz.frames import PERCENTILES, Floats

CELLS = 48
"""Cells of the heatmap along the axis of values."""
COLUMNS = 150
"""Columns of the heatmap at most: neighbouring steps are averaged, none is dropped."""
FULLEST = PEAK * UNIT / CELLS
"""Share of the values in a cell that is drawn in full colour: where a ridge would be shrunk."""
SHADES = (
    f"The axis has {CELLS} cells; full colour: {100 * FULLEST:.0f} % of the values or more in one. "
    f"From {COLUMNS} steps on, a column is the mean of neighbouring ones."
)
PARTS = ("hist", "range", "clipped")
SIDE_BY_SIDE = 4
"""Layers whose percentiles are drawn beside each other."""


def panels(scene: Scene, view: View) -> list[Panel]:
    """Above: one unit, and the densities, of the chosen layer; below: percentiles of a few layers."""
    layer = chosen_layer(scene, view)
    unit: list[Part] = [strong("One unit"), layer_switch(scene, layer)]
    found = [
        over_steps("unit", unit, f"Percentiles of one unit of {scene.layers[layer]} over steps",
                   partial(_percentiles, name="unit_percentiles", layer=layer, layers=[layer]),
                   partial(telling.percentiles, name="unit_percentiles", layer=layer),
                   EXPLANATIONS["unit_percentiles"],
                   group="layers", weight=1.3),
    ]  # fmt: skip
    for arm in range(len(scene.titles)):
        name, where = name_of_arm(scene, arm), {"text": scene.layers[layer], "arm": scene.places[arm]}
        what: list[Part] = [{"text": "Density", "arm": scene.places[arm], "strong": True}, where] if arm == 0 else []
        what = what[: 1 if len(scene.titles) > 3 else 2]  # as much as there is room for
        found.append(
            over_steps(f"density-{arm}", [*what, name if what else name | {"strong": True}],
                       f"Density of what enters the activation of {scene.layers[layer]} over steps: {name['text']}",
                       partial(heatmap, arm=arm, layer=layer),
                       partial(telling.percentiles, name="preactivation_percentiles", layer=layer, arms=[arm]),
                       EXPLANATIONS["density_over_time"],
                       group="layers", weight=2.6 / max(2, len(scene.titles)) + 0.15 * (arm == 0),
                       extra={"help": f"{EXPLANATIONS['density_over_time'].short} {SHADES}"})
        )  # fmt: skip
    beside = evenly(max(1, len(scene.layers) - 1), SIDE_BY_SIDE)  # hidden layers
    for place, each in enumerate(beside):
        name = {"text": scene.layers[each], "set": {"layer": each}, "label": f"Draw {scene.layers[each]} above"}
        found.append(
            over_steps(f"percentiles-{place}", [*([strong("All units")] if place == 0 else []), name],
                       f"Percentiles of what enters the activation of {scene.layers[each]} over steps",
                       partial(_percentiles, name="preactivation_percentiles", layer=each, layers=beside),
                       partial(telling.percentiles, name="preactivation_percentiles", layer=each),
                       EXPLANATIONS["percentiles"])
        )  # fmt: skip
    return found


def _percentiles(scene: Scene, view: View, name: str, layer: int, layers: list[int]) -> Figure:
    """The band of percentiles of one layer, on an axis that serves all of `layers`."""
    low, high = _reach([scene.history(name, label, each) for label in scene.titles for each in layers])

    def axis(values: Floats) -> tuple[dict[str, Any], str]:
        known = values[np.isfinite(values).all(axis=1)]
        beyond = np.mean((known[:, 0] < low) | (known[:, -1] > high)) if len(known) else 0.0
        return {
            "range": [low, high],
            "nticks": 5,
        }, f"leaves the picture in {100 * beyond:.0f}\N{NO-BREAK SPACE}% of steps" if beyond else ""

    names = [f"{scene.layers[layer]}, {number} %" for number in PERCENTILES]
    return band(scene, view, name, names, layer, axis)


def _reach(drawn: list[Floats]) -> tuple[float, float]:
    """A round interval that holds the usual percentiles, (N, 3) each, of all that are drawn.

    Of each its own bands decide, or many narrow ones would hide a wide one; and the way of its median, but for a few
    steps in which that is far off.
    """
    found = []
    for values in drawn:
        known = values[np.isfinite(values).all(axis=1)]
        if len(known):
            middle, (low, high) = known[:, 1], np.percentile(known[:, 1], [5, 95])
            reach = 2 * (high - low)
            found += [hull(known[:, [0, -1]]), (max(low - reach, middle.min()), min(high + reach, middle.max()))]
    if not found:
        return hull(np.zeros((0, 2)))
    lows, highs = np.array(found).T
    return hull(np.array([[lows.min(), highs.max()]]))


def heatmap(scene: Scene, view: View, arm: int, layer: int) -> Figure:
    """The density of what enters the activation of one layer at every step, of one network."""
    label, title = list(scene.titles.items())[arm]
    low, high = _value_axis(scene, layer)
    hist, ranges, clipped = (scene.history(f"preactivation_{part}", label, layer) for part in PARTS)
    shares = cells(hist, ranges, clipped, low, high)  # (N, CELLS)
    groups, where = columns(len(shares)), "customdata" if view.log_steps else "x"
    color, edges = scene.colors(view).arm(arm), _edges(steps_of(scene), groups)
    trace = {
        "type": "heatmap", "z": encode(_per_mille(_averages(shares, groups).T)),
        "x": floats(along(view, edges)), "y": floats(np.linspace(low, high, CELLS + 1)),
        "zmin": 0, "zmax": 1000 * FULLEST, "showscale": False,
        "colorscale": [[0, translucent(color, 0)], [0.25, translucent(color, 0.4)], [1, color]],
        "hoverlabel": {"bordercolor": color},
        "hovertemplate": f"{scene.layers[layer]} · step %{{{where}:.0f}} · {title}<br>value %{{y:.3~g}}: "
        "%{z} of 1000 values<extra></extra>",
    }  # fmt: skip
    if view.log_steps:  # which step a column is of, in each of its cells
        middles = np.round((edges[1:] + edges[:-1]) / 2).astype(np.uint32)
        trace["customdata"] = encode(np.tile(middles, (CELLS, 1)))
    outside = 1 - shares.sum(axis=1)
    outside = outside[np.isfinite(outside)]
    share = outside.mean() if outside.size else 0.0
    note = f"{100 * share:.1f}\N{NO-BREAK SPACE}% of values lie outside" if share >= 0.0005 else ""
    return chart(scene, view, [trace], {"range": [low, high], "nticks": 6}, note, labels=arm == 0 or view.stacked)


def _value_axis(scene: Scene, layer: int) -> tuple[float, float]:
    """Range of the values' axis: of all networks, and all steps."""
    ranges = [frame.preactivation_range[layer] for frames in scene.steps for frame in scene.drawn(frames)]
    return hull(np.array(ranges, np.float64).reshape(-1, 2))


def cells(hist: Floats, ranges: Floats, clipped: Floats, low: float, high: float) -> Floats:
    """Share of a layer's values in each cell of a common axis, (N, CELLS); NaN where nothing is known.

    hist: counts, (N, B), over the ranges, (N, 2); clipped: share outside of these, (N,). A bin's counts are taken to
    be spread evenly over it.
    """
    total, width = hist.sum(axis=1), ranges[:, 1] - ranges[:, 0]
    known = (total > 0) & (width > 0)
    scale = np.divide(1 - clipped, total, out=np.full(len(hist), np.nan), where=known)
    below = np.pad(np.cumsum(hist, axis=1), ((0, 0), (1, 0))) * scale[:, None]  # (N, B + 1), at the bins' edges
    edges = np.linspace(low, high, CELLS + 1)
    # Where the edges of the cells lie, counted in bins.
    place = (edges - ranges[:, :1]) / np.where(known, width, 1.0)[:, None] * hist.shape[1]
    place = np.clip(np.nan_to_num(place), 0, hist.shape[1])
    bins = np.minimum(place.astype(np.intp), hist.shape[1] - 1)
    left, right = np.take_along_axis(below, bins, 1), np.take_along_axis(below, bins + 1, 1)
    return np.diff(left + (place - bins) * (right - left), axis=1)


def columns(count: int) -> NDArray[np.intp]:
    """Where the columns of the heatmap begin among `count` steps, each as wide as the others; and the end."""
    beat = every(count, COLUMNS).step
    return np.append(np.arange(0, count, beat), count)


def _averages(shares: Floats, starts: NDArray[np.intp]) -> Floats:
    """Mean over each group of rows: (N, C) -> (columns, C)."""
    if not len(shares):
        return shares
    return np.add.reduceat(shares, starts[:-1], axis=0) / np.diff(starts)[:, None]


def _edges(steps: NDArray[np.integer[Any]], starts: NDArray[np.intp]) -> Floats:
    """Left edges of the columns, and the right edge of the last: halfway between neighbouring steps."""
    if not len(steps):
        return np.zeros(0)
    between = (steps[1:].astype(np.float64) + steps[:-1]) / 2
    last = 2.0 * steps[-1] - (between[-1] if len(between) else steps[-1] - 0.5)
    return np.concatenate([[steps[0]], between, [last]])[starts]


def _per_mille(shares: Floats) -> NDArray[np.float32] | NDArray[np.uint16]:
    """Thousandths as small numbers; gaps, where there are any, need floats."""
    if np.isfinite(shares).all():
        return np.round(1000 * shares).astype(np.uint16)
    return np.round(1000 * shares).astype(np.float32)


TAB = Tab(
    "time",
    "Over time",
    panels,
    tuple(EXPLANATIONS[name] for name in ("unit_percentiles", "percentiles", "density_over_time")),
)
