"""Charts over steps: loss, accuracy, and quantities of one layer; the marks and axes that all of them share."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnviz.charts import signs
from bnviz.charts.look import Figure, axis, floats, layout, marker, nice_above, plain, translucent
from bnviz.charts.marks import text_of
from bnviz.charts.measures import Measure
from bnviz.charts.rows import text_size
from bnviz.charts.scales import LOG, SHARE
from bnviz.charts.scene import Scene, View
from bnviz.charts.steps import across, along, ends_of, steps_axis, steps_of, told
from bnviz.frames import Floats

Line = tuple[str, str, int | None, dict[str, Any]]
"""One quantity over steps: field of `Frame`, its name for people, the layer, and how the line looks."""


def loss(scene: Scene, view: View, other: tuple[str, str] = ("test_loss", "test loss")) -> Figure:
    """Training loss (solid) and another (dotted); a line where a network that knows nothing stands."""
    traces, values = lines(
        scene, view, [(*other, None, {"dash": "2px,3px"}), ("train_loss", "training loss", None, {})]
    )
    finite = np.abs(values[np.isfinite(values)])
    if not scene.classified:  # falls by many decades
        return chart(scene, view, traces, LOG.over_steps(finite))
    # A network that goes astray may leave the picture, so that the others can be seen.
    first = [frame.train_loss for frame in scene.drawn(scene.steps[0])] if scene.steps else []
    start = max([value for value in first if np.isfinite(value)], default=1.0)
    top = nice_above(min(float(finite.max(initial=0.1)), 2 * max(start, np.log(scene.classes or 1))))
    if scene.classes:
        level = float(np.log(scene.classes))
        traces.insert(0, level_line(scene, view, level, f"chance: ln {scene.classes} = {level:.2f}"))
    note = "leaves the picture" if finite.size and finite.max() > 1.001 * top else ""
    return chart(scene, view, traces, {"range": [-0.03 * top, top], "nticks": 4}, note)


def level_line(scene: Scene, view: View, level: float, words: str) -> dict[str, Any]:
    """A dashed line at one value, for comparison."""
    return {
        "type": "scatter", "mode": "lines", "x": list(ends_of(scene, view)), "y": [level, level],
        "line": {"color": scene.colors(view).quiet, "width": 1, "dash": "6px,4px"},
        "hovertemplate": f"{words}<extra></extra>",
    }  # fmt: skip


def accuracy(scene: Scene, view: View) -> Figure:
    """Test accuracy, and faintly that of the training batches; strongly where there is no test set."""
    wanted: list[Line] = [
        ("train_accuracy", "training accuracy", None, {"faint": scene.tested}),
        ("test_accuracy", "test accuracy", None, {}),
    ]
    traces, values = lines(scene, view, wanted, SHARE.number)
    return chart(scene, view, traces, SHARE.over_steps(values))


def of_layer(scene: Scene, view: View, measure: Measure, layer: int) -> Figure:
    """A measure of one layer, with its guide."""
    wanted: list[Line] = [(measure.name, f"{scene.layers[layer]}: {measure.what}", layer, {})]
    traces, values = lines(scene, view, wanted, measure.scale.number)
    if measure.guide is not None:
        traces.insert(0, level_line(scene, view, measure.guide, f"{measure.guide:g}"))
    return chart(scene, view, traces, measure.scale.over_steps(values))


def lines(scene: Scene, view: View, wanted: list[Line], number: str = ".3~g") -> tuple[list[dict[str, Any]], Floats]:
    """A trace for each quantity and network, one of each network's markers on them, and all values."""
    colors, steps = scene.colors(view), steps_of(scene)
    traces, values = [], []
    own: list[list[tuple[Any, Floats]]] = [[] for _ in scene.titles]
    for name, what, layer, look in wanted:
        for index, (label, title) in enumerate(scene.titles.items()):
            values.append(scene.history(name, label, layer))
            # Somebody else's loop may measure a quantity now and then alone: no gaps for that.
            there = slice(None) if scene.config is not None else np.isfinite(values[-1])
            color = colors.arm(index)
            if not look.get("faint"):
                own[index].append((along(view, steps[there]), values[-1][there]))
            width = (2.5 if view.present else 1.7) * (0.7 if look.get("faint") else 1)
            traces.append({
                "type": "scatter", "mode": "lines", **across(view, steps[there]), "y": floats(values[-1][there]),
                "line": {
                    "color": translucent(color, 0.45) if look.get("faint") else color,
                    "width": width, "dash": look.get("dash", "solid"), "simplify": True,
                },
                "hoverlabel": {"bordercolor": color},
                "hovertemplate": f"{told(view)} · {title}<br>{what} %{{y:{number}}}<extra></extra>",
            })  # fmt: skip
    traces += [
        signs.along(drawn, ends_of(scene, view), index, len(own), marker_look(scene, view, index))
        for index, drawn in enumerate(own)
    ]
    return traces, np.concatenate(values) if values else np.zeros(0)


def marker_look(scene: Scene, view: View, arm: int) -> dict[str, Any]:
    """Colour and size of an arm's markers on its lines."""
    return {
        "color": scene.colors(view).arm(arm), "symbol": marker(scene.places[arm]), "size": 10 if view.present else 7,
    }  # fmt: skip


def chart(
    scene: Scene, view: View, traces: list[dict[str, Any]], y: dict[str, Any], note: str = "", labels: bool = True
) -> Figure:
    """The traces over steps, and marks: events, and the step drawn while that is not the last one.

    labels: whether the vertical axis has any; a chart beside one with the same axis needs none.
    """
    colors, size = scene.colors(view), text_size(view)
    marks = axis(colors, size, range=[0, 1], overlaying="y", visible=False, fixedrange=True)
    margin = (round((3.6 if labels else 1.2) * size), round(1.2 * size), 8, round(1.8 * size))
    figure_layout = layout(
        colors, size, margin, xaxis=steps_axis(scene, view, colors, size),
        yaxis=axis(colors, size, showticklabels=labels, **y), yaxis2=marks,
        hoverdistance=40, uirevision=f"{y.get('type', 'linear')}{view.log_steps}",
    )  # fmt: skip
    return {
        "data": [*traces, _events(scene, view), cursor(scene, view)],
        "layout": figure_layout,
        "note": note,
    }


def _upright(view: View, steps: list[int], **look: Any) -> dict[str, Any]:
    """Vertical lines at steps, from bottom to top of the chart whatever its vertical axis is."""
    x = np.repeat(along(view, steps), 3)
    y = np.tile([-0.1, 1.0, np.nan], len(steps))  # from below the chart: a marker shows at the top only
    return {"type": "scatter", "x": floats(x), "y": floats(y), "yaxis": "y2", **look}


def _events(scene: Scene, view: View) -> dict[str, Any]:
    color = scene.colors(view).quiet
    return _upright(
        view, [mark.event.step for mark in scene.marks], mode="lines+markers",
        line={"color": translucent(color, 0.5), "width": 1},
        marker={"symbol": "triangle-down", "size": 7, "color": color},
        text=[line for mark in scene.marks for line in [plain(text_of(mark))] * 3],
        hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip


def cursor(scene: Scene, view: View) -> dict[str, Any]:
    """The line at the step drawn, the last trace of a chart over steps; without points while that is the newest."""
    return _upright(
        view, [scene.current[0].step] if scene.behind else [], mode="lines", hoverinfo="skip",
        line={"color": scene.colors(view).text, "width": 1.5, "dash": "3px,3px"},
    )  # fmt: skip
