"""Pictures of the plane: where a network decides how, and what its hidden layers make of a grid."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import numpy as np

from bnviz.charts.explanations import EXPLANATIONS
from bnviz.charts.look import Figure, encode, floats, hull, translucent
from bnviz.charts.motion.pictures import Ink, span
from bnviz.charts.panel import Panel, Part, strong
from bnviz.charts.scene import Scene, View
from bnviz.closeup import Plane, Surface
from bnviz.frames import Floats
from bnviz.verdict.wording import percent


def beside(scene: Scene, arm: str) -> list[Panel]:
    """The decisions of a network, and what its hidden layers make of the plane, where they are known: a lower row."""
    surface = None if scene.plane is None else _surface(scene.plane, arm)
    if surface is None:
        return []
    return [decisions(arm, [strong("Decisions")], group="series"), *layers(scene, arm)]


def layers(scene: Scene, arm: str) -> list[Panel]:
    """What the hidden layers of a network make of the plane."""
    surface = None if scene.plane is None else _surface(scene.plane, arm)
    return [] if surface is None else [_after(scene, arm, int(layer)) for layer in surface.layers]


def decisions(arm: str, title: list[Part], id: str = "surface", group: Literal["layers", "series"] = "layers") -> Panel:
    """The decision surface of a network."""
    return Panel(
        id, group, title, "Probability of class 1 over the plane of inputs, with the training points",
        partial(_decisions, arm=arm), partial(_decided, arm=arm), EXPLANATIONS["surface"], live=False,
        extra={"noted": True},
    )  # fmt: skip


def _after(scene: Scene, arm: str, layer: int) -> Panel:
    return Panel(
        f"bent-{layer}", "series", [strong(f"After {scene.layers[layer]}")],
        f"Where {scene.layers[layer]} puts a grid over the plane, and the training points",
        partial(_bent, arm=arm, layer=layer), partial(_kept, arm=arm, layer=layer), EXPLANATIONS["bent"], live=False,
        extra={"noted": True},
    )  # fmt: skip


def _decided(scene: Scene, view: View, arm: str) -> str:
    """How much of the plane a network gives to class 1."""
    surface = None if scene.plane is None else _surface(scene.plane, arm)
    if surface is None or not np.isfinite(surface.probability).all():
        return f"{scene.titles.get(arm, arm)}: no decisions are known."
    share = float(np.mean(surface.probability >= 0.5))
    return f"{scene.titles.get(arm, arm)}: class 1 is the more probable one on {percent(share)} of the plane drawn."


def _kept(scene: Scene, view: View, arm: str, layer: int) -> str:
    """How much of what a layer makes of the plane can be drawn in two dimensions."""
    surface = None if scene.plane is None else _surface(scene.plane, arm)
    if surface is None or layer not in surface.layers:
        return f"{scene.titles.get(arm, arm)}: nothing is known of {scene.layers[layer]}."
    share = percent(float(surface.share[int(np.flatnonzero(surface.layers == layer)[0])]))
    where = f"{scene.titles.get(arm, arm)}, {scene.layers[layer]}"
    return f"{where}: its two principal directions hold {share} of the variance."


def _surface(plane: Plane, arm: str) -> Surface | None:
    return next((each for each in plane.surfaces if each.arm == arm), None)


def _decisions(scene: Scene, view: View, arm: str) -> Figure:
    plane, ink = scene.plane, Ink.of(scene, view, arm)
    assert plane is not None
    surface = _surface(plane, arm)
    z = np.full((len(plane.ys), len(plane.xs)), np.nan) if surface is None else surface.probability
    clear, full = translucent(ink.color, 0.02), translucent(ink.color, 0.75)
    common = {"x": floats(plane.xs), "y": floats(plane.ys), "z": encode(np.nan_to_num(z, nan=0.5).astype(np.float32))}
    heat = {
        "type": "heatmap", **common, "zmin": 0, "zmax": 1, "colorscale": [[0, clear], [1, full]], "showscale": False,
        "hovertemplate": "class 1: %{z:.1%}<extra></extra>",
    }  # fmt: skip
    border = {
        "type": "contour", **common, "showscale": False, "hoverinfo": "skip", "colorscale": [[0, clear], [1, clear]],
        "contours": {"start": 0.5, "end": 0.5, "size": 1, "coloring": "none"},
        "line": {"color": ink.colors.text, "width": 1.6},
    }  # fmt: skip
    note = "line: 50 %; rings: class 0" if np.isfinite(z).all() else "diverged"
    return _square(ink, [heat, border, *_classes(ink, plane.points, plane.classes)],
                   span(plane.xs, room=0), span(plane.ys, room=0), note)  # fmt: skip


def _bent(scene: Scene, view: View, arm: str, layer: int) -> Figure:
    plane, ink = scene.plane, Ink.of(scene, view, arm)
    assert plane is not None
    surface = _surface(plane, arm)
    place = -1 if surface is None else int(np.flatnonzero(surface.layers == layer)[0])
    grid = np.full((0, 2), np.nan) if surface is None else surface.grid[place]
    points = np.full((0, 2), np.nan) if surface is None else surface.points[place]
    share = float("nan") if surface is None else float(surface.share[place])
    low, high = (_hull(grid, points, k) for k in (0, 1))
    traces = [_net(ink, grid), *_classes(ink, points, plane.classes)]
    note = f"{100 * share:.0f} % of the variance" if share == share else ""
    return _square(ink, traces, low, high, note)


def _hull(grid: Floats, points: Floats, axis: int) -> list[float]:
    """Round, so that it does not move with every frame."""
    return list(hull(np.array([span(grid[:, axis], points[:, axis], room=0.03)])))


def _net(ink: Ink, grid: Floats) -> dict[str, Any]:
    """The lines of a grid, given row by row, as one trace."""
    side = round(len(grid) ** 0.5)
    square = grid.reshape(side, side, 2)
    gap = np.full((side, 1, 2), np.nan)
    lines = np.concatenate([np.concatenate([each, gap], axis=1) for each in (square, square.swapaxes(0, 1))])
    flat = lines.reshape(-1, 2)
    return {
        "type": "scatter", "mode": "lines", "x": floats(flat[:, 0]), "y": floats(flat[:, 1]), "hoverinfo": "skip",
        "line": {"color": translucent(ink.color, 0.55), "width": 1},
    }  # fmt: skip


def _classes(ink: Ink, points: Floats, classes: Floats) -> list[dict[str, Any]]:
    """Rings for class 0, dots for class 1: told apart without colours."""
    found = []
    for number in (0, 1):
        own = points[classes[: len(points)] == number]
        found.append({
            "type": "scatter", "mode": "markers", "x": floats(own[:, 0]), "y": floats(own[:, 1]),
            "marker": {
                "size": 0.5 * ink.size, "symbol": "circle", "line": {"color": ink.colors.text, "width": 1},
                "color": ink.colors.text if number else ink.colors.background,
            },
            "hovertemplate": f"class {number}<extra></extra>",
        })  # fmt: skip
    return found


def _square(ink: Ink, traces: list[dict[str, Any]], x: list[float], y: list[float], note: str) -> Figure:
    """Both axes on one scale."""
    shape = {"showticklabels": False, "showgrid": False}
    return ink.figure(
        traces, {"range": x, "constrain": "domain", **shape},
        {"range": y, "scaleanchor": "x", "constrain": "domain", **shape}, note,
    )  # fmt: skip
