"""The first tab: every layer as a row, distribution, gradient norm and ICS side by side; below, over steps."""

from __future__ import annotations

from functools import partial

from bnviz.charts import telling
from bnviz.charts.explanations import EXPLANATIONS
from bnviz.charts.measures import GRAD_NORM, ICS
from bnviz.charts.outcomes import accuracy_over_steps, loss_over_steps
from bnviz.charts.panel import Panel, Part, Tab, by_layer, layer_over_steps, name_of_arm, switch, units
from bnviz.charts.rows import PEAK, UNIT, ridgeline
from bnviz.charts.scene import Scene, View, chosen_layer

HEIGHTS = (
    f"A row is as high as the density of values spread evenly over one part in {UNIT} of the axis; "
    f"a row whose peak is higher than {PEAK} rows is shrunk to that."
)
VALUES = {"preactivation": "activation", "input": "layer"}


def panels(scene: Scene, view: View) -> list[Panel]:
    """Above: what each layer sees, now. Below: losses, and one layer over steps."""
    return [*_distributions(scene, view), *_profiles(scene, view), *_series(scene, view)]


def _distributions(scene: Scene, view: View) -> list[Panel]:
    found = []
    options = [{"value": value, "text": text} for value, text in VALUES.items()]
    width = 4.5 / max(2, len(scene.titles))  # the profiles need their place too
    values: Part = {"text": VALUES[view.values]}
    for arm, title in enumerate(scene.titles.values()):
        what: list[Part] = [{"text": "What enters each" if len(scene.titles) <= 3 else "Enters"}]
        what.append(switch("values", view.values, "Values drawn", options) if arm == 0 else values)
        name = name_of_arm(scene, arm)
        if len(scene.titles) > 3 and arm > 0:  # said once is enough where there is little room
            what, name = [], name | {"strong": True}
        found.append(
            Panel(
                id=f"values-{arm}",
                group="layers",
                topic=EXPLANATIONS["distributions"],
                extra={"pick": "layer", "help": f"{EXPLANATIONS['distributions'].short} {HEIGHTS}"},
                title=[*({**part, "strong": True, "arm": name["arm"]} for part in what), name],
                summary=f"Distribution of what enters each {VALUES[view.values]}, by layer: {title}",
                draw=partial(ridgeline, arm=arm),
                told=partial(telling.distributions, arm=arm),
                weight=width + 0.4 * (arm == 0),
            )
        )
    return found


def _profiles(scene: Scene, view: View) -> list[Panel]:
    options = [{"value": value, "text": each.formula} for value, each in ICS.items()]
    share = units(scene)
    return [
        by_layer(GRAD_NORM, id="gradient"),
        by_layer(ICS[view.ics], switch("ics", view.ics, "Measure of ICS", options), id="ics"),
        *([by_layer(share, id="units")] if share else []),
    ]


def _series(scene: Scene, view: View) -> list[Panel]:
    first, shift = chosen_layer(scene, view, 0), ICS[view.ics]
    return [
        loss_over_steps(scene),
        *([accuracy_over_steps(scene)] if scene.classified else []),
        layer_over_steps(scene, view, GRAD_NORM, layer=first, id="gradient-steps"),
        layer_over_steps(scene, view, shift, id="ics-steps", told=shift.formula),
    ]


TAB = Tab(
    "layers",
    "Layers",
    panels,
    tuple(EXPLANATIONS[name] for name in ("distributions", "gradient_norm", "ics", "loss", "accuracy")),
)
