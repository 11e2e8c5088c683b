"""The pictures of one update close by: spreads, points, bars and arrows, in one style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bnviz.charts.look import Colors, Figure, axis, floats, layout, nice_above, translucent
from bnviz.charts.motion.formulas import told
from bnviz.charts.rows import text_size
from bnviz.charts.scene import Scene, View
from bnviz.closeup import BINS, Closeup, Spread
from bnviz.frames import Floats

Trace = dict[str, Any]


@dataclass(frozen=True)
class Ink:
    """What a picture is drawn with."""

    colors: Colors
    color: str
    """Of the network."""
    size: float

    @classmethod
    def of(cls, scene: Scene, view: View, arm: str) -> Ink:
        """That of a network, by its arm's label."""
        labels = list(scene.titles)
        colors = scene.colors(view)
        return cls(colors, colors.arm(labels.index(arm) if arm in labels else 0), text_size(view))

    def figure(self, traces: Sequence[Trace], x: Trace, y: Trace, note: str = "", **changes: Any) -> Figure:
        """Traces on two axes, with titles where `title` is given."""
        left = round((3.9 if y.get("showticklabels", True) else 1.2) * self.size)
        bottom = round((3.2 if "title" in x else 1.2) * self.size)
        margin = (left, round(2.1 * self.size), 8, bottom)
        axes = [axis(self.colors, self.size, **self._titled(each)) for each in (x, y)]
        return {
            "data": list(traces), "note": note,
            "layout": layout(self.colors, self.size, margin, xaxis=axes[0], yaxis=axes[1], uirevision="closeup",
                             hoverdistance=20, **changes),
        }  # fmt: skip

    def _titled(self, given: Trace) -> Trace:
        given = {"exponentformat": "power"} | given
        if "title" not in given:
            return given
        font = {"size": self.size, "color": self.colors.quiet}
        return given | {"title": {"text": given["title"], "font": font, "standoff": 4}}

    def points(self, x: Floats, y: Floats, told_of: str, *, hollow: bool = False, color: str = "") -> Trace:
        """A dot for each value."""
        color = color or (self.colors.quiet if hollow else self.color)
        return {
            "type": "scatter", "mode": "markers", "x": floats(x), "y": floats(y), "cliponaxis": False,
            "marker": {
                "color": "rgba(0,0,0,0)" if hollow else translucent(color, 0.6), "size": 0.55 * self.size,
                "line": {"color": color, "width": 1.2 if hollow else 0},
            },
            "hovertemplate": f"{told_of}<extra></extra>",
        }  # fmt: skip

    def marked(self, x: float, y: float, told_of: str) -> Trace:
        """The one value that is written out."""
        return {
            "type": "scatter", "mode": "markers", "x": floats([x]), "y": floats([y]), "cliponaxis": False,
            "marker": {"color": self.colors.text, "size": 0.95 * self.size, "symbol": "diamond",
                       "line": {"color": self.colors.background, "width": 1.5}},
            "hovertemplate": f"{told_of}<extra></extra>",
        }  # fmt: skip

    def line(self, x: Sequence[float] | Floats, y: Sequence[float] | Floats, *, dash: str = "solid", color: str = "",
             fill: str = "none", shape: str = "linear") -> Trace:  # fmt: skip
        """A line, or an area."""
        color = color or self.colors.quiet
        return {
            "type": "scatter", "mode": "lines", "x": floats(x), "y": floats(y), "hoverinfo": "skip",
            "line": {"color": color, "width": 1.4, "dash": dash, "shape": shape}, "fill": fill,
            "fillcolor": translucent(color, 0.22),
        }  # fmt: skip


def span(*values: Floats | float, around: float | None = None, room: float = 0.07) -> list[float]:
    """A range that holds all finite values, and `around`."""
    flat = np.concatenate([np.atleast_1d(np.asarray(each, np.float64)).ravel() for each in values])
    flat = flat[np.isfinite(flat)]
    flat = flat if around is None else np.append(flat, around)
    low, high = (float(flat.min()), float(flat.max())) if flat.size else (0.0, 1.0)
    reach = (high - low) or max(abs(high), 1e-12)
    return [low - room * reach, high + room * reach]


def spread(ink: Ink, values: Spread, marked: float, name: str, of_layer: str = "all units", of_unit: str = "this unit",
           lines: Sequence[tuple[float, str]] = ()) -> Figure:  # fmt: skip
    """How a quantity is spread in the layer (grey) and in the unit (in colour), each as high as its peak is.

    of_layer: empty draws the unit alone. lines: upright ones, with what they are.
    """
    edges = np.linspace(values.range[0], values.range[1], BINS + 1)
    unit, _ = np.histogram(values.unit[np.isfinite(values.unit)], BINS, tuple(values.range))
    traces = [ink.line(*_outline(edges, values.counts), fill="tozeroy")] if of_layer else []
    traces.append(ink.line(*_outline(edges, unit), fill="tozeroy", color=ink.color))
    traces += [ink.line([at, at], [0, 1.12], dash="5px,4px", color=ink.colors.text) for at, _ in lines]
    traces += [_named(ink, at, text) for at, text in lines]
    traces.append(ink.points(values.unit, np.full(len(values.unit), -0.07), f"{name} = %{{x:.3~g}}"))
    traces.append(ink.marked(marked, -0.07, f"{name} of the sample = %{{x:.3~g}}"))
    return ink.figure(
        traces, {"range": span(values.range, *(at for at, _ in lines)), "nticks": 6, "title": name},
        {"range": [-0.16, 1.3], "showticklabels": False, "showgrid": False},
        f"grey: {of_layer}; colour: {of_unit}" if of_layer else "",
    )  # fmt: skip


def _named(ink: Ink, at: float, text: str) -> Trace:
    return {
        "type": "scatter", "mode": "text", "x": floats([at]), "y": floats([1.2]), "text": [text], "hoverinfo": "skip",
        "textfont": {"size": ink.size, "color": ink.colors.text},
    }  # fmt: skip


def _outline(edges: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """The steps of a histogram whose highest is 1."""
    heights = counts / max(1, counts.max(initial=0))
    return np.repeat(edges, 2), np.concatenate([[0], np.repeat(heights, 2), [0]])


def cloud(ink: Ink, sets: Sequence[tuple[Floats, Floats, str, bool]], place: int | None, names: tuple[str, str],
          curve: tuple[Floats, Floats] | None = None, note: str = "") -> Figure:  # fmt: skip
    """Points (x, y, what they are, whether hollow), with the sample's own marked, and a curve."""
    traces = [ink.line(*curve, color=ink.colors.text)] if curve else []
    for x, y, what, hollow in sets:
        traces.append(ink.points(x, y, f"{names[0]} %{{x:.3~g}}<br>{what} %{{y:.3~g}}", hollow=hollow))
        if place is not None:
            traces.append(ink.marked(x[place], y[place], f"the sample: {what} %{{y:.3~g}}"))
    every = [np.concatenate([each[k] for each in sets]) for k in (0, 1)]
    # A curve is drawn as far as there is room for it: it has no say in the vertical range.
    return ink.figure(
        traces, {"range": span(every[0]), "nticks": 6, "title": names[0]},
        {"range": span(every[1], around=0.0), "nticks": 5, "title": names[1]}, note,
    )  # fmt: skip


def bars(ink: Ink, sets: Sequence[tuple[Floats, str, bool]], names: tuple[str, str], note: str = "",
         labels: Sequence[str] | None = None) -> Figure:  # fmt: skip
    """A bar for each entry, beside each other where there are several sets; (values, what, whether quiet)."""
    count = len(sets[0][0])
    traces = [
        {
            "type": "bar", "x": floats(np.arange(1, count + 1)), "y": floats(values),
            "marker": {"color": ink.colors.line if quiet else ink.color, "line": {"width": 0}},
            "hovertemplate": f"{names[0]} %{{x}}<br>{what} %{{y:.3~g}}<extra></extra>",
        }
        for values, what, quiet in sets
    ]  # fmt: skip
    ticks = {} if labels is None else {"tickvals": list(range(1, count + 1)), "ticktext": list(labels)}
    return ink.figure(
        traces, {"range": [0.3, count + 0.7], "nticks": 6, "title": names[0], **ticks},
        {"range": span(*(values for values, _, _ in sets), around=0.0), "nticks": 5, "title": names[1]}, note,
        bargap=0.15, barmode="group",
    )  # fmt: skip


def arrows(ink: Ink, drawn: Sequence[tuple[float, float, str, bool]], names: tuple[str, str], note: str) -> Figure:
    """Arrows from the origin to (x, y), named; quiet ones in grey. Lengths and angles are true."""
    ends = np.array([each[:2] for each in drawn])
    reach = nice_above(float(np.nanmax(np.abs(ends), initial=1e-30)) * 1.05)
    low = [-0.12 * reach if ends[:, k].min() > -0.05 * reach else -1.1 * reach for k in (0, 1)]
    pointing = [
        {
            "x": x, "y": y, "ax": 0, "ay": 0, "xref": "x", "yref": "y", "axref": "x", "ayref": "y", "text": "",
            "showarrow": True, "arrowhead": 2, "arrowsize": 1.1, "arrowwidth": 2.6,
            "arrowcolor": ink.colors.quiet if quiet else ink.color,
        }
        for x, y, _, quiet in drawn if np.hypot(x, y) > 0.01 * reach
    ]  # fmt: skip
    tips = [
        {
            "type": "scatter", "mode": "markers+text", "x": floats([x]), "y": floats([y]), "text": [name],
            "textposition": _beside(ends, place, reach), "cliponaxis": False,
            "marker": {"size": 6, "color": ink.colors.quiet if quiet else ink.color},
            "textfont": {"size": ink.size + 1, "color": ink.colors.text},
            "hovertemplate": f"{name}: length {told(float(np.hypot(x, y)))}<extra></extra>",
        }
        for place, (x, y, name, quiet) in enumerate(drawn)
    ]  # fmt: skip
    return ink.figure(
        [ink.line([low[0], 1.3 * reach], [0, 0]), ink.line([0, 0], [low[1], 1.15 * reach]), *tips],
        {"range": [low[0], 1.3 * reach], "nticks": 4, "title": names[0], "constrain": "domain"},
        {"range": [low[1], 1.15 * reach], "nticks": 4, "title": names[1], "scaleanchor": "x",
         "constrain": "domain"},
        note, annotations=pointing,
    )  # fmt: skip


def _beside(ends: Floats, place: int, reach: float) -> str:
    """Where an arrow's name has room: right of its tip, above it where another tip is in the way, or below the axis
    where there is no arrow but its origin.
    """
    if np.hypot(*ends[place]) < 0.05 * reach:
        return "bottom right"
    along, across = ((ends - ends[place]) / reach).T
    others = np.arange(len(ends)) != place
    # Of two tips at one place the first has its name above.
    later = (along > 0) | ((along == 0) & (np.arange(len(ends)) > place))
    return "top center" if (others & later & (along < 0.5) & (abs(across) < 0.15)).any() else "middle right"


def at(closeup: Closeup, values: Floats) -> float:
    """Of a vector of the unit, the sample's own value."""
    return float(values[closeup.place])
