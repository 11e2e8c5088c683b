"""What a chart is on the page: its place, its title, and how its figure is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from bnviz.charts import telling
from bnviz.charts.explanations import Explanation
from bnviz.charts.lines import of_layer
from bnviz.charts.look import Figure, sign
from bnviz.charts.measures import UNITS, Measure
from bnviz.charts.rows import profile
from bnviz.charts.scene import Scene, View, chosen_layer

Part = dict[str, Any]


@dataclass(frozen=True)
class Panel:
    """One chart of the page."""

    id: str
    group: Literal["layers", "series"]
    """Its row: the upper or the lower one."""
    title: list[Part]
    summary: str
    """What is drawn, in one phrase: its name for a screen reader."""
    draw: Callable[[Scene, View], Figure]
    told: Callable[[Scene, View], str]
    """What it shows now, in sentences."""
    topic: Explanation
    weight: float = 1.0
    """Its width, relative to the others of its row."""
    live: bool = True
    """Whether it is drawn with every message; else a few times a second."""
    across: str = ""
    """What its horizontal axis counts, where a picture of it alone has to say so."""
    extra: Part = field(default_factory=dict)

    def describe(self) -> Part:
        """What the browser needs to know of the panel."""
        plain = {name: getattr(self, name) for name in ("id", "group", "title", "summary", "weight", "across")}
        return plain | {"help": self.topic.short} | self.extra


def over_steps(id: str, title: list[Part], summary: str, draw: Callable[[Scene, View], Figure],
               told: Callable[[Scene, View], str], topic: Explanation, **place: Any) -> Panel:  # fmt: skip
    """A chart over steps; in the lower row, unless told otherwise."""
    return Panel(
        id,
        **{"group": "series", **place},
        title=title,
        summary=summary,
        draw=draw,
        told=told,
        topic=topic,
        live=False,
        across="step",
    )


def layer_over_steps(
    scene: Scene, view: View, measure: Measure, *, layer: int | None = None, id: str = "", told: str = ""
) -> Panel:
    """A measure of one layer over steps, one line per network; of the chosen layer, unless told otherwise.

    told: what the title says beside the measure's name.
    """
    shown = chosen_layer(scene, view) if layer is None else layer
    title = [strong(measure.title), *([{"text": told}] if told else []), chip(scene, view, shown)]
    return over_steps(
        id or f"{measure.name}-steps", title, f"{measure.title} of {scene.layers[shown]} over steps",
        partial(of_layer, measure=measure, layer=shown),
        partial(telling.of_measure, measure=measure, layer=shown), measure.topic,
    )  # fmt: skip


def by_layer(measure: Measure, *told: Part, id: str = "", title: str = "", labels: bool = False) -> Panel:
    """A profile: one number per layer and network.

    told: what the title has beside its strong part. labels: whether the rows are named.
    """
    return Panel(
        id or measure.name, "layers", [strong(title or measure.title), *told],
        f"{measure.what.rstrip(':')} of each layer, one line per network",
        partial(profile, measure=measure, labels=labels), partial(telling.by_layer, measure=measure), measure.topic,
        weight=0.95, extra={"pick": "layer"},
    )  # fmt: skip


def units(scene: Scene) -> Measure | None:
    """The share of saturated or of dead units, where one of the notions applies."""
    return next((measure for measure in UNITS if scene.measured(measure.name)), None)


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
    """An arm's name in its colour, after its marker; choosing it selects the network that the B key flips."""
    place = scene.places[arm]
    return {"text": list(scene.titles.values())[arm], "arm": place, "select": place, "sign": sign(place)}


@dataclass(frozen=True)
class Tab:
    """Charts that are looked at together."""

    name: str
    """In links, and what `View.tab` holds."""
    title: str
    panels: Callable[[Scene, View], list[Panel]]
    """In reading order: the upper row, then the lower one."""
    topics: tuple[Explanation, ...] = ()
    """What is first met here, for the tab that explains everything."""
    notice: Callable[[Scene], Part | None] = field(default=lambda scene: None)
    """Why there is nothing to draw, if so: title, text, and with or without a button."""
    words: Callable[[Scene, View], Part | None] = field(default=lambda scene, view: None)
    """What is said beside the charts, if anything: `{"heading", "text", "formulas", "places", "place"}`, a formula as
    nested lists of MathML, a place as `{"text", "there", "set": {name: value}}`."""
