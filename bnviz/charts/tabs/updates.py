"""The tab of updates beside weights, and of units that no longer learn (Karpathy, makemore part 3)."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from bnviz.charts import telling
from bnviz.charts.explanations import EXPLANATIONS
from bnviz.charts.lines import chart, level_line
from bnviz.charts.look import Figure, floats, translucent
from bnviz.charts.measures import GRAD_NORM, UPDATE_RATIO
from bnviz.charts.panel import Panel, Tab, by_layer, layer_over_steps, name_of_arm, over_steps, units
from bnviz.charts.scene import Scene, View, evenly
from bnviz.charts.steps import across, every, steps_of, thinned, told

MOST_LINES = 13
MOST_POINTS = 200


def panels(scene: Scene, view: View) -> list[Panel]:
    """Every layer's update ratio over steps for each network; by layer now; one layer of all networks below."""
    found: list[Panel] = []
    what = "Update / weight, log10" if len(scene.titles) <= 3 or view.stacked else "Updates"
    for arm in range(len(scene.titles)):
        title = [{"text": what, "strong": True, "arm": scene.places[arm]}] if arm == 0 or view.stacked else []
        name = name_of_arm(scene, arm) | ({} if title else {"strong": True})
        found.append(
            over_steps(
                f"updates-{arm}", [*title, name], f"Update to weight of all layers over steps: {name['text']}",
                partial(all_layers, arm=arm), partial(telling.by_layer, measure=UPDATE_RATIO, arms=[arm]),
                UPDATE_RATIO.topic,
                group="layers", weight=3.2 / max(2, len(scene.titles)) + 0.15 * (arm == 0),
            )
        )  # fmt: skip
    share = units(scene)
    found.append(by_layer(UPDATE_RATIO, {"text": "now"}, id="updates", title="By layer", labels=True))
    found += [by_layer(share, id="units")] if share else []
    found.append(layer_over_steps(scene, view, UPDATE_RATIO))
    found += [layer_over_steps(scene, view, share)] if share else []
    found.append(layer_over_steps(scene, view, GRAD_NORM))
    return found


def all_layers(scene: Scene, view: View, arm: int) -> Figure:
    """The update ratio of each layer of one network as a thin line, the first layer palest; a line at the guide."""
    label, title = list(scene.titles.items())[arm]
    count, color = len(scene.layers), scene.colors(view).arm(arm)
    beat = every(len(scene.steps), MOST_POINTS)
    values = scene.history(UPDATE_RATIO.name, label)[beat]  # (T, L)
    traces: list[dict[str, Any]] = [level_line(scene, view, UPDATE_RATIO.guide or 0.0, "an update of a thousandth")]
    shown = evenly(count, MOST_LINES)
    for place, layer in enumerate(shown):
        traces.append({
            "type": "scatter", "mode": "lines", **across(view, steps_of(scene)[beat]), "y": floats(values[:, layer]),
            "line": {"color": translucent(color, 0.3 + 0.7 * place / max(1, len(shown) - 1)), "width": 1.1},
            "hoverlabel": {"bordercolor": color},
            "hovertemplate": f"{scene.layers[layer]} · {told(view)} · {title}"
            f"<br>{UPDATE_RATIO.what} %{{y:.3~g}}<extra></extra>",
        })  # fmt: skip
    everything = np.concatenate([scene.history(UPDATE_RATIO.name, each).ravel() for each in scene.titles])
    first = arm == 0 or view.stacked
    few = [f"{len(shown)} of {count} layers"] if len(shown) < count else []
    note = "; ".join([*few, "the first is palest", *thinned(scene, beat)])
    return chart(scene, view, traces, UPDATE_RATIO.scale.over_steps(everything), note if first else "", labels=first)


TAB = Tab("updates", "Updates", panels, (UPDATE_RATIO.topic, EXPLANATIONS["units"]))
