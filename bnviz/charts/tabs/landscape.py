"""The tab of the landscape along the gradient (Santurkar et al. 2018, section 3.2 and Fig. 4)."""

from __future__ import annotations

from functools import partial
from typing import Any

from bnviz.charts import telling
from bnviz.charts.bands import band
from bnviz.charts.explanations import EXPLANATIONS
from bnviz.charts.lines import chart, lines
from bnviz.charts.look import Figure, decades, log_axis
from bnviz.charts.outcomes import loss_over_steps
from bnviz.charts.panel import Panel, Part, Tab, over_steps, strong
from bnviz.charts.scales import LOG
from bnviz.charts.scene import Scene, View
from bnviz.frames import Floats

ENDS = ("least", "largest")
QUIET: Part = {"text": "least to largest"}


def panels(scene: Scene, view: View) -> list[Panel]:
    """Bands of the loss and of the gradient's change along the gradient, and the smoothness they amount to."""
    over, ends = partial(over_steps, group="layers"), telling.columns(ENDS)
    told = partial(telling.over_steps, say=ends)
    return [
        over("landscape-loss", [strong("Loss along the gradient"), QUIET],
             "Least and largest loss along the gradient, over steps",
             partial(_band, name="landscape_loss", what="loss"),
             partial(told, wanted=[("landscape_loss", "loss:", None)]), EXPLANATIONS["landscape_loss"]),
        over("predictiveness", [strong("Gradient predictiveness"), QUIET],
             "Least and largest change of the gradient along it, over steps",
             partial(_band, name="landscape_predictiveness", what="change"),
             partial(told, wanted=[("landscape_predictiveness", "change of the gradient:", None)]),
             EXPLANATIONS["predictiveness"]),
        over_steps("beta", [strong("Effective smoothness"), {"text": "β"}],
                   "Effective smoothness beta over steps", _beta,
                   partial(telling.over_steps, wanted=[("landscape_beta", "effective beta", None)]),
                   EXPLANATIONS["beta"]),
        loss_over_steps(scene),
    ]  # fmt: skip


def notice(scene: Scene) -> Part | None:
    """What the tab shows, what it costs and how to have it; None when it is measured."""
    if scene.landscape_known:
        return None
    return {
        "title": "How smooth is the loss along the gradient?",
        "text": "At each measured step, bnviz goes from every network's weights along the gradient by 8 step lengths, "
        "from half to 4 times the learning rate, and draws how far loss and gradient change on the way "
        "(Santurkar et al. 2018, Fig. 4). Training itself is not touched, and goes on from here. The price: 8 further "
        "passes forward and backward for each network and measured step, so steps come more slowly.",
        "button": {"text": "Measure the landscape", "setting": {"landscape": "0.5-4"}},
    }


def _band(scene: Scene, view: View, name: str, what: str) -> Figure:
    return band(scene, view, name, [f"{end} {what}" for end in ENDS], None, _log)


def _log(values: Floats) -> tuple[dict[str, Any], str]:
    return {"type": "log", **log_axis(*decades(values), 5)}, ""


def _beta(scene: Scene, view: View) -> Figure:
    traces, values = lines(scene, view, [("landscape_beta", "effective beta", None, {})])
    return chart(scene, view, traces, LOG.over_steps(values))


TAB = Tab(
    "landscape",
    "Landscape",
    panels,
    tuple(EXPLANATIONS[name] for name in ("landscape_loss", "predictiveness", "beta")),
    notice,
)
