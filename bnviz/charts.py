"""Frames in, figures or patches of figures out: what the page draws, as plain dicts that Plotly understands.

A figure is made by one function, drawn whole or updated: a patch is what of it may have changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from bnviz.layer_charts import profile, ridgeline
from bnviz.palette import Figure, encode
from bnviz.scene import Scene, View, chosen_layer
from bnviz.series_charts import accuracy, loss, of_layer

__all__ = ["Scene", "View", "encode", "figures", "patch"]

Part = dict[str, Any]
PRIME = "\N{PRIME}"
ICS = {
    "relative": ("ics_relative", "linear", f"|G\N{MINUS SIGN}G{PRIME}| / |G|", "relative ICS"),
    "l2": ("ics_l2", "log", f"|G\N{MINUS SIGN}G{PRIME}|", "ICS"),
    "cosine": ("ics_cosine", "cosine", f"cosine of G and G{PRIME}", f"cosine of G and G{PRIME}"),
}
VALUES = {"preactivation": "activation", "input": "layer"}
UNITS = {
    "sigmoid": ("saturated", "Saturated"),
    "tanh": ("saturated", "Saturated"),
    "relu": ("dead", "Dead"),
}
LIVE = ("x", "y", "customdata", "text")
"""What of a trace may change from frame to frame."""
AXIS_LIVE = ("range", "dtick")


@dataclass(frozen=True)
class Panel:
    """One chart of the page: its place, its title, and how its figure is made."""

    id: str
    group: Literal["layers", "series"]
    title: list[Part]
    summary: str
    draw: Callable[[Scene, View], Figure]
    weight: float = 1.0
    arm: int | None = None
    extra: Part = field(default_factory=dict)

    def describe(self) -> Part:
        """What the browser needs to know of the panel."""
        plain = {name: getattr(self, name) for name in ("id", "group", "title", "summary", "weight", "arm")}
        return plain | self.extra


def figures(scene: Scene, view: View) -> dict[str, Any]:
    """`{"grid": [...], "figures": {id: {"data", "layout", "note"}}, "empty"}`: panels in order, their figures."""
    chosen = panels(scene, view)
    return {
        "grid": [panel.describe() for panel in chosen],
        "figures": {panel.id: panel.draw(scene, view) for panel in chosen},
        "empty": not scene.current,
    }


def patch(scene: Scene, view: View, series: bool) -> dict[str, Figure]:
    """What may have changed in each figure since the last frame, as `Plotly.animate` takes it, and the note.

    Without `series` only the charts with a row per layer, which are drawn at full rate.
    """
    return {
        panel.id: _changes(panel.draw(scene, view))
        for panel in panels(scene, view)
        if series or panel.group == "layers"
    }


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
    return {"data": data, "traces": list(range(len(data))), "layout": axes, "note": figure["note"]}


def panels(scene: Scene, view: View) -> list[Panel]:
    """The panels of a scene, in reading order."""
    return [*_distributions(scene, view), *_profiles(scene, view), *_series(scene, view)]


def _distributions(scene: Scene, view: View) -> list[Panel]:
    colors, found = scene.colors(view), []
    options = [{"value": value, "text": text} for value, text in VALUES.items()]
    width = 4.5 / max(2, len(scene.titles))  # the profiles need their place too
    values: Part = {"text": VALUES[view.values]}
    for arm, title in enumerate(scene.titles.values()):
        what: list[Part] = [{"text": "What enters each" if len(scene.titles) <= 3 else "Enters"}]
        what.append(_switch("values", view.values, "Values drawn", options) if arm == 0 else values)
        name: Part = {"text": title, "arm": arm, "select": arm}
        if len(scene.titles) > 3 and arm > 0:  # said once is enough where there is little room
            what, name = [], name | {"strong": True}
        found.append(
            Panel(
                id=f"values-{arm}",
                group="layers",
                arm=arm,
                extra={"color": colors.arm(arm), "pick": "layer"},
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
    found = [
        _profile("gradient", [_strong("Gradient norm")], "grad_norm", "log", "gradient norm"),
        _profile("ics", [_strong("ICS"), _switch("ics", view.ics, "Measure of ICS", options)], name, kind, what),
    ]
    if scene.config.activation in UNITS:
        name, title = UNITS[scene.config.activation]
        found.append(_profile("units", [_strong(title)], name, "share", f"{title.lower()}:"))
    return found


def _profile(id: str, title: list[Part], name: str, kind: str, what: str) -> Panel:
    return Panel(
        id=id, group="layers", title=title, summary=f"{what} of each layer, one line per network",
        draw=partial(profile, name=name, kind=kind, what=what), weight=0.95, extra={"pick": "layer"},
    )  # fmt: skip


def _series(scene: Scene, view: View) -> list[Panel]:
    first, last = chosen_layer(scene, view, 0), chosen_layer(scene, view, max(0, len(scene.layers) - 2))
    name, kind, formula, what = ICS[view.ics]
    over = partial(Panel, group="series")
    found = [
        over(
            "loss",
            title=[_strong("Loss"), {"text": "training —, test ····"}],
            summary="Loss over steps",
            draw=loss,
        )
    ]
    if scene.config.loss != "squared_error":
        title = [_strong("Test accuracy"), {"text": "training faint"}]
        found.append(over("accuracy", title=title, summary="Accuracy over steps", draw=accuracy))
    draw = partial(of_layer, name="grad_norm", kind="log", what="gradient norm", layer=first)
    title = [_strong("Gradient norm"), _chip(scene, view, first)]
    found.append(over("gradient-steps", title=title, summary="Gradient norm of one layer over steps", draw=draw))
    draw = partial(of_layer, name=name, kind=kind, what=what, layer=last)
    title = [_strong("ICS"), {"text": formula}, _chip(scene, view, last)]
    return [*found, over("ics-steps", title=title, summary="ICS of one layer over steps", draw=draw)]


def _strong(text: str) -> Part:
    return {"text": text, "strong": True}


def _switch(name: str, value: str, label: str, options: list[Part]) -> Part:
    """A choice inside a title; choosing changes the field of `View` of that name."""
    return {"switch": name, "value": value, "label": label, "options": options}


def _chip(scene: Scene, view: View, layer: int) -> Part:
    """The layer drawn; the viewer's own choice can be taken back."""
    chip: Part = {"text": scene.layers[layer]}
    return chip if view.layer is None else chip | {"reset": "layer"}
