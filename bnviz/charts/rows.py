"""Charts with a row per layer: distributions as ridgelines, and profiles of one number a layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnviz.charts import signs
from bnviz.charts.look import READABLE, Figure, axis, encode, floats, hull, layout, marker, translucent
from bnviz.charts.measures import Measure
from bnviz.charts.scales import Log
from bnviz.charts.scene import Scene, View
from bnviz.frames import Floats, Frame

ROW = 500
"""Units of the vertical axis to a layer, so that heights fit into 16-bit integers."""
BASE = 0.4
"""How far a layer's baseline lies below its label, in rows."""
PEAK = 1.7
"""Height of the tallest peak, in rows: rows overlap a little, and what is taller is shrunk to this."""
UNIT = 5
"""A row is as high as the density of values spread evenly over a fifth of the horizontal axis."""
LABELLED = 26
"""Above so many layers only every fifth is labelled."""
ROOMY = 2
"""With more networks profiles are narrow."""
LONGEST_NAME = 18
"""Characters of a layer's name beside its row; the whole name is shown where the mouse is."""
WIDEST = 0.58
"""Width of a character in units of the text's size, at most, in the mean of a name."""


def rows(count: int) -> NDArray[np.int16]:
    """Heights of the layers on the vertical axis, the first on top."""
    return (-ROW * np.arange(count)).astype(np.int16)


def density(frame: Frame, values: str) -> Floats:
    """Density of the values of each layer, (L, B): it integrates to the share not clipped; else NaN."""
    hist = np.asarray(getattr(frame, f"{values}_hist"), np.float64)
    low, high = getattr(frame, f"{values}_range").T
    inside = 1 - getattr(frame, f"{values}_clipped")
    total, width = hist.sum(axis=1), (high - low) / hist.shape[1]
    known = (total > 0) & (width > 0) & np.isfinite(width) & np.isfinite(inside)
    scale = np.divide(inside, total * width, out=np.full(len(hist), np.nan), where=known)
    found: Floats = hist * scale[:, None]
    return found


def value_axis(scene: Scene, view: View) -> tuple[float, float]:
    """Range of the values' axis, the same for every layer and network; made by the hidden layers."""
    ranges = scene.recently(f"{view.values}_range")
    if not ranges.size:
        return -4.0, 4.0
    # Of the output layer these are the logits: they grow with success, far beyond the hidden layers.
    hidden = ranges[:, :-1] if view.values == "preactivation" and ranges.shape[1] > 1 else ranges
    return hull(hidden)


def outside(frame: Frame, values: str, low: float, high: float) -> Floats:
    """Share of each layer's values that are not drawn: outside the histogram, or outside the axis."""
    hist = np.asarray(getattr(frame, f"{values}_hist"), np.float64)
    middles = _middles(getattr(frame, f"{values}_range"), hist.shape[1])
    hidden = np.where((middles < low) | (middles > high), hist, 0).sum(axis=1)
    clipped = getattr(frame, f"{values}_clipped")
    found: Floats = clipped + (1 - clipped) * hidden / np.maximum(hist.sum(axis=1), 1)
    return found


def _middles(ranges: Floats, bins: int) -> Floats:
    low, high = ranges[:, :1], ranges[:, 1:]
    return low + (np.arange(bins) + 0.5) / bins * (high - low)


def outline(frame: Frame, values: str, low: float, high: float) -> tuple[Floats, NDArray[np.int16]]:
    """One line around all layers' densities and along their baselines, with gaps between layers."""
    heights = density(frame, values) * (high - low) / UNIT  # in rows
    peaks = np.max(heights, axis=1)
    heights *= np.minimum(1, PEAK / np.maximum(peaks, 1e-12))[:, None]
    count, bins = heights.shape
    ranges = getattr(frame, f"{values}_range")
    edge = np.full((count, 1), 1.0)
    x = np.concatenate(
        [low * edge, ranges[:, :1], _middles(ranges, bins), ranges[:, 1:], high * edge, np.nan * edge], axis=1
    )
    y = np.pad(heights, ((0, 0), (2, 3)))
    # Runs of empty bins are straight lines: their inner points are not sent.
    keep = (y > 0) | (np.roll(y, 1, axis=1) > 0) | (np.roll(y, -1, axis=1) > 0)
    keep[:, [0, -2, -1]] = True
    keep[~np.isfinite(peaks)] = False
    y = np.round(ROW * (y - np.arange(count)[:, None] - BASE))
    return x[keep], y[keep].astype(np.int16)


def ridgeline(scene: Scene, view: View, arm: int) -> Figure:
    """The distribution of every layer's values in one network."""
    colors, size = scene.colors(view), text_size(view)
    color, title = colors.arm(arm), list(scene.titles.values())[arm]
    low, high = value_axis(scene, view)
    frame = scene.frames[arm]
    empty: tuple[Any, Any] = (np.zeros(0), np.zeros(0, np.int16))
    x, y = outline(frame, view.values, low, high) if frame else empty
    shape = {
        "type": "scatter", "mode": "lines", "x": floats(x), "y": encode(y), "hoverinfo": "skip",
        "fill": "toself", "fillcolor": translucent(color, 0.3),
        "line": {"color": color, "width": 2 if view.present else 1.2},
    }  # fmt: skip
    return {
        "data": [shape, _row_labels(scene, view, arm, (low, high), title)],
        "layout": layer_layout(
            scene, view, labels=arm == 0 or view.stacked, x=axis(colors, size, range=[low, high], nticks=6)
        ),
        "note": _note(scene, view, arm, (low, high)),
    }


def _row_labels(scene: Scene, view: View, arm: int, span: tuple[float, float], title: str) -> dict[str, Any]:
    """One unseen point per layer, so that its row can be hovered and clicked anywhere."""
    frame, count, low, high = scene.frames[arm], len(scene.layers), *span
    numbers = np.full((count, 5), np.nan)
    if frame and view.values == "preactivation":
        numbers[:, :3] = frame.preactivation_percentiles
        told = "15 / 50 / 85 %: %{customdata[0]:.3~g} / %{customdata[1]:.3~g} / %{customdata[2]:.3~g}"
    elif frame:
        numbers[:, 0], numbers[:, 1] = frame.input_mean, frame.input_std
        told = "mean %{customdata[0]:.3~g}, standard deviation %{customdata[1]:.3~g}"
    else:
        told = ""
    if frame:
        numbers[:, 3], numbers[:, 4] = outside(frame, view.values, low, high), frame.step
    return {
        "type": "scatter", "mode": "markers", "marker": {"opacity": 0, "color": scene.colors(view).arm(arm)},
        "x": floats(np.full(count, (low + high) / 2)), "y": encode(rows(count)), "text": list(scene.layers),
        "customdata": floats(numbers),
        "hovertemplate": f"%{{text}} · step %{{customdata[4]:.0f}} · {title}<br>{told}"
        "<br>not drawn: %{customdata[3]:.1%}<extra></extra>",
    }  # fmt: skip


def _note(scene: Scene, view: View, arm: int, span: tuple[float, float]) -> str:
    """What the picture of a network leaves out, in words."""
    frame, diverged = scene.frames[arm], scene.diverged(list(scene.titles)[arm])
    if diverged is not None:
        return f"diverged at step {diverged}"
    if frame is None:
        return ""
    share = float(np.mean(outside(frame, view.values, *span)))
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}% of values lie outside" if share >= 0.0005 else ""


def profile(scene: Scene, view: View, measure: Measure, labels: bool = False) -> Figure:
    """One number per layer and network, with the measure's guide, and names of layers if there are `labels`."""
    colors, size, known = scene.colors(view), text_size(view), scene.known(measure.name)
    scale, traces = measure.scale, []
    older = [getattr(frame, measure.name) for frame in known if frame is not None and frame not in scene.frames]
    recent = np.array([*scene.recently(measure.name), *older], np.float64)
    for index, (title, frame) in enumerate(zip(scene.titles.values(), known, strict=True)):
        values = np.full(len(scene.layers), np.nan) if frame is None else np.asarray(getattr(frame, measure.name))
        told = np.stack([values, np.full(len(values), np.nan if frame is None else frame.step)], axis=1)
        line = {"color": colors.arm(index), "width": 2 if not view.present else 3}
        traces.append({
            "type": "scatter", "mode": "lines+markers", "x": floats(scale.places(values, recent)),
            "y": encode(rows(len(values))),
            "text": list(scene.layers), "customdata": floats(told), "line": line, "cliponaxis": False,
            "marker": {
                "color": colors.arm(index), "symbol": marker(scene.places[index]),
                "size": signs.by_layer(len(values), index, _marker(len(values), view)),
            },
            "hovertemplate": f"%{{text}} · step %{{customdata[1]:.0f}} · {title}"
            f"<br>{measure.what} %{{customdata[0]:{scale.number}}}<extra></extra>",
        })  # fmt: skip
    x = scale.by_layer(recent)
    if view.present and view.large is None and len(scene.titles) > ROOMY and "dtick" in x:
        x["dtick"] *= 2  # large labels would run into each other
    return {
        "data": [*traces, *([] if measure.guide is None else [_upright(scene, view, measure.guide)])],
        "layout": layer_layout(scene, view, labels=labels or view.stacked, x=axis(colors, size, **x)),
        "note": _exact_zeros(scene, known, measure.name) if isinstance(scale, Log) else "",
    }


def _upright(scene: Scene, view: View, value: float) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "lines", "x": [value, value], "y": [ROW * PEAK, -ROW * len(scene.layers)],
        "line": {"color": scene.colors(view).quiet, "width": 1, "dash": "6px,4px"}, "hoverinfo": "skip",
    }  # fmt: skip


def _exact_zeros(scene: Scene, frames: list[Frame | None], name: str) -> str:
    """Which networks have exact zeros in more than the first layer: a log axis cannot show them."""
    zeros = [(np.asarray(getattr(frame, name))[1:] == 0).sum() if frame else 0 for frame in frames]
    found = [f"{title}: exactly 0 in {n} layers" for title, n in zip(scene.titles.values(), zeros, strict=True) if n]
    return ", ".join(found)


def layer_layout(scene: Scene, view: View, labels: bool, x: dict[str, Any]) -> dict[str, Any]:
    """The layout that all charts with a row per layer share: same margins, same rows."""
    colors, size, count = scene.colors(view), text_size(view), len(scene.layers)
    shown = [i for i in range(count) if count <= LABELLED or i in (0, count - 1) or (i + 1) % 5 == 0]
    if count > LABELLED and count - 2 in shown:
        shown.remove(count - 2)  # would touch the output's label
    names = [_short(scene.layers[i]) for i in shown]
    y = axis(
        colors, size, range=[-ROW * (count - 1 + BASE + 0.2), ROW * (PEAK - BASE + 0.05)],
        tickvals=[-ROW * i for i in shown], ticktext=names, showticklabels=labels,
    )  # fmt: skip
    room = max(5.4, 0.6 + WIDEST * max(map(len, names), default=0))
    left = round((room if labels else 1.2) * size)
    return layout(
        colors, size, (left, round(1.2 * size), 4, round(1.8 * size)), xaxis=x, yaxis=y,
        # Any distance: a row is hovered and clicked wherever the mouse is in it.
        hoverdistance=-1, uirevision="rows",
    )  # fmt: skip


def _short(name: str) -> str:
    """The end of a long name of somebody's module, which is what tells it apart."""
    return name if len(name) <= LONGEST_NAME else "…" + name[1 - LONGEST_NAME :]


def text_size(view: View) -> float:
    """Size of labels in pixels."""
    return 11 if not view.present else READABLE if view.large is None else READABLE + 4


def _marker(count: int, view: View) -> float:
    return (7 if count <= 12 else 5 if count <= LABELLED else 3) * (1.3 if view.present else 1)
