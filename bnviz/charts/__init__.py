"""Frames in, figures or patches of figures out: what the page draws, as plain dicts that Plotly understands.

A figure is made by one function, drawn whole or updated: a patch is what of it may have changed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from bnviz.charts.explanations import EXPLANATIONS
from bnviz.charts.lines import accuracy, loss, of_layer
from bnviz.charts.look import Figure, encode
from bnviz.charts.panel import Panel, Part, by_layer, chip, over_steps, strong, switch, units_by_layer
from bnviz.charts.rows import PEAK, UNIT, ridgeline
from bnviz.charts.scene import Scene, Tab, View, chosen_layer
from bnviz.charts.tabs import landscape, over_time, train_eval, updates

__all__ = ["Scene", "View", "encode", "figures", "notice", "panels", "patch"]

PRIME = "\N{PRIME}"
ICS = {
    "relative": ("ics_relative", "linear", f"|G\N{MINUS SIGN}G{PRIME}| / |G|", "relative ICS"),
    "l2": ("ics_l2", "log", f"|G\N{MINUS SIGN}G{PRIME}|", "ICS"),
    "cosine": ("ics_cosine", "cosine", f"cosine of G and G{PRIME}", f"cosine of G and G{PRIME}"),
}
HEIGHTS = (
    f"A row is as high as the density of values spread evenly over one part in {UNIT} of the axis; "
    f"a row whose peak is higher than {PEAK} rows is shrunk to that."
)
VALUES = {"preactivation": "activation", "input": "layer"}
LIVE = ("x", "y", "z", "customdata", "text")
"""What of a trace may change from frame to frame."""
AXIS_LIVE = ("range", "dtick")


def figures(scene: Scene, view: View) -> dict[str, Any]:
    """`{"grid": [...], "figures": {id: {"data", "layout", "note"}}, "colors": [...], "empty", "notice"}`.

    grid: panels in order; colors: of the arms; empty: whether nothing is measured yet; notice: what a tab without
    charts says instead, `{"title", "text"}` with or without a `"button": {"text", "setting": {name: value}}`, or None.
    """
    chosen = panels(scene, view)
    return {
        "grid": [panel.describe() for panel in chosen],
        "figures": {panel.id: panel.draw(scene, view) for panel in chosen},
        "colors": [scene.colors(view).arm(arm) for arm in range(len(scene.titles))],
        "empty": not scene.current,
        "notice": notice(scene, view),
    }


def patch(scene: Scene, view: View, series: bool) -> dict[str, Figure]:
    """What may have changed in each figure since the last frame, as `Plotly.animate` takes it, and the note.

    Without `series` only the charts that are drawn at full rate.
    """
    return {panel.id: _changes(panel.draw(scene, view)) for panel in panels(scene, view) if series or panel.live}


def _changes(figure: Figure) -> Figure:
    data = [{name: trace[name] for name in LIVE if name in trace} for trace in figure["data"]]
    for trace in data:
        if isinstance(trace.get("text"), list) and "customdata" in trace:
            del trace["text"]  # names of layers do not change
    axes = {
        name: {key: value[key] for key in AXIS_LIVE if key in value}
        for name, value in figure["layout"].items()
        if name in ("xaxis", "yaxis") and "ticktext" not in value
    }
    changes: Figure = {"data": data, "traces": list(range(len(data))), "layout": axes, "note": figure["note"]}
    # Plotly moves lines without a redraw, but no heatmap.
    return changes | {"redraw": True} if any("z" in trace for trace in data) else changes


def panels(scene: Scene, view: View) -> list[Panel]:
    """The panels of the viewer's tab, in reading order; none while the tab has a notice instead."""
    return [] if view.away or notice(scene, view) else TABS[view.tab](scene, view)


def notice(scene: Scene, view: View) -> Part | None:
    """Why the viewer's tab has nothing to draw, if so."""
    find = {"landscape": landscape.notice, "modes": train_eval.notice}.get(view.tab)
    return find(scene) if find and not view.away else None


def _layers(scene: Scene, view: View) -> list[Panel]:
    return [*_distributions(scene, view), *_profiles(scene, view), *_series(scene, view)]


def _distributions(scene: Scene, view: View) -> list[Panel]:
    found = []
    options = [{"value": value, "text": text} for value, text in VALUES.items()]
    width = 4.5 / max(2, len(scene.titles))  # the profiles need their place too
    values: Part = {"text": VALUES[view.values]}
    for arm, title in enumerate(scene.titles.values()):
        what: list[Part] = [{"text": "What enters each" if len(scene.titles) <= 3 else "Enters"}]
        what.append(switch("values", view.values, "Values drawn", options) if arm == 0 else values)
        name: Part = {"text": title, "arm": arm, "select": arm}
        if len(scene.titles) > 3 and arm > 0:  # said once is enough where there is little room
            what, name = [], name | {"strong": True}
        found.append(
            Panel(
                id=f"values-{arm}",
                group="layers",
                topic="distributions",
                extra={"pick": "layer", "help": f"{EXPLANATIONS['distributions'].short} {HEIGHTS}"},
                title=[*({**part, "strong": True, "arm": arm} for part in what), name],
                summary=f"Distribution of what enters each {VALUES[view.values]}, by layer: {title}",
                draw=partial(ridgeline, arm=arm),
                weight=width + 0.4 * (arm == 0),
            )
        )
    return found


def _profiles(scene: Scene, view: View) -> list[Panel]:
    name, kind, _, what = ICS[view.ics]
    options = [{"value": value, "text": entry[2]} for value, entry in ICS.items()]
    title = [strong("ICS"), switch("ics", view.ics, "Measure of ICS", options)]
    return [
        by_layer("gradient", [strong("Gradient norm")], "gradient norm", name="grad_norm", kind="log",
                 topic="gradient_norm"),
        by_layer("ics", title, what, name=name, kind=kind, topic="ics"),
        *units_by_layer(scene),
    ]  # fmt: skip


def _series(scene: Scene, view: View) -> list[Panel]:
    first, last = chosen_layer(scene, view, 0), chosen_layer(scene, view)
    name, kind, formula, what = ICS[view.ics]
    title = [strong("Loss"), {"text": "training —, test ····"}]
    found = [over_steps("loss", title, "Loss over steps", loss, "loss")]
    if scene.classified:
        title = [strong("Test accuracy"), {"text": "training faint"}]
        found.append(over_steps("accuracy", title, "Accuracy over steps", accuracy, "accuracy"))
    draw = partial(of_layer, name="grad_norm", kind="log", what="gradient norm", layer=first)
    title, summary = [strong("Gradient norm"), chip(scene, view, first)], "Gradient norm of one layer over steps"
    found.append(over_steps("gradient-steps", title, summary, draw, "gradient_norm"))
    draw = partial(of_layer, name=name, kind=kind, what=what, layer=last)
    title = [strong("ICS"), {"text": formula}, chip(scene, view, last)]
    return [*found, over_steps("ics-steps", title, "ICS of one layer over steps", draw, "ics")]


TABS: dict[Tab, Callable[[Scene, View], list[Panel]]] = {
    "layers": _layers,
    "time": over_time.panels,
    "landscape": landscape.panels,
    "modes": train_eval.panels,
    "updates": updates.panels,
    "findings": lambda scene, view: [],  # words alone
}
