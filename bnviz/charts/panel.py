"""What a chart is on the page: its place, its title, and how its figure is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from bnviz.charts.explanations import EXPLANATIONS
from bnviz.charts.lines import of_layer
from bnviz.charts.look import Figure
from bnviz.charts.rows import profile
from bnviz.charts.scene import Scene, View, chosen_layer

Part = dict[str, Any]
UNITS = {"saturated": "Saturated", "dead": "Dead"}
"""The shares of units worth a look, each where its notion applies: field of `Frame` and title."""


@dataclass(frozen=True)
class Panel:
    """One chart of the page."""

    id: str
    group: Literal["layers", "series"]
    """Its row: the upper or the lower one."""
    title: list[Part]
    summary: str
    draw: Callable[[Scene, View], Figure]
    topic: str
    """Key of `EXPLANATIONS`."""
    weight: float = 1.0
    """Its width, relative to the others of its row."""
    live: bool = True
    """Whether it is drawn with every message; else a few times a second."""
    extra: Part = field(default_factory=dict)

    def describe(self) -> Part:
        """What the browser needs to know of the panel."""
        plain = {name: getattr(self, name) for name in ("id", "group", "title", "summary", "weight")}
        return plain | {"help": EXPLANATIONS[self.topic].short} | self.extra


def over_steps(id: str, title: list[Part], summary: str, draw: Callable[[Scene, View], Figure], topic: str,
               **place: Any) -> Panel:  # fmt: skip
    """A chart over steps; in the lower row, unless told otherwise."""
    return Panel(id, **{"group": "series", **place}, title=title, summary=summary, draw=draw, topic=topic, live=False)


def layer_over_steps(
    scene: Scene, view: View, title: str, what: str, *, name: str, kind: str, topic: str, guide: float | None = None
) -> Panel:
    """A quantity of the chosen layer over steps, one line per network."""
    layer = chosen_layer(scene, view)
    return over_steps(
        f"{name}-steps", [strong(title), chip(scene, view, layer)], f"{title} of one layer over steps",
        partial(of_layer, name=name, kind=kind, what=what, layer=layer, guide=guide), topic,
    )  # fmt: skip


def by_layer(id: str, title: list[Part], what: str, *, name: str, kind: str, topic: str, **look: Any) -> Panel:
    """A profile: one number per layer and network; look: what else `profile` takes."""
    return Panel(
        id, "layers", title, f"{what} of each layer, one line per network",
        partial(profile, name=name, kind=kind, what=what, **look), topic, weight=0.95, extra={"pick": "layer"},
    )  # fmt: skip


def units_by_layer(scene: Scene) -> list[Panel]:
    """The share of saturated or dead units, where the notion applies."""
    return [
        by_layer("units", [strong(title)], f"{title.lower()}:", name=name, kind="share", topic="units")
        for name, title in UNITS.items()
        if scene.measured(name)
    ][:1]


def units_over_steps(scene: Scene, view: View) -> list[Panel]:
    """The same share of the chosen layer, over steps."""
    return [
        layer_over_steps(scene, view, title, title.lower(), name=name, kind="share", topic="units")
        for name, title in UNITS.items()
        if scene.measured(name)
    ][:1]


def strong(text: str) -> Part:
    """The part of a title that says what is drawn."""
    return {"text": text, "strong": True}


def switch(name: str, value: Any, label: str, options: list[Part]) -> Part:
    """A choice inside a title; choosing changes the field of `View` of that name."""
    return {"switch": name, "value": value, "label": label, "options": options}


def layer_switch(scene: Scene, layer: int) -> Part:
    """The choice of a layer inside a title."""
    options: list[Part] = [{"value": place, "text": name} for place, name in enumerate(scene.layers)]
    return switch("layer", layer, "Layer drawn", options)


def chip(scene: Scene, view: View, layer: int) -> Part:
    """The layer drawn; the viewer's own choice can be taken back."""
    text = scene.layers[layer]
    if view.layer is None:
        return {"text": text}
    return {"text": f"{text} ×", "set": {"layer": None}, "chip": True, "label": f"{text}: back to the usual layer"}


def name_of_arm(scene: Scene, arm: int) -> Part:
    """An arm's name in its colour; choosing it selects the network that the B key flips."""
    return {"text": list(scene.titles.values())[arm], "arm": arm, "select": arm}
