"""The tab of train against eval mode: BatchNorm's running statistics beside those of the batch."""

from __future__ import annotations

from functools import partial

from bnviz.charts import telling
from bnviz.charts.explanations import EXPLANATIONS
from bnviz.charts.lines import loss
from bnviz.charts.measures import RUNNING_MEAN, RUNNING_VARIANCE
from bnviz.charts.outcomes import LOSS, accuracy_over_steps
from bnviz.charts.panel import Panel, Part, Tab, by_layer, layer_over_steps, over_steps, strong
from bnviz.charts.scene import Scene, View
from bnviz.config import AS_IS


def panels(scene: Scene, view: View) -> list[Panel]:
    """The same batch's loss in both modes, and how far running statistics are from the batch's own, by layer."""
    both = ("eval_loss", "same batch in eval mode")
    title = [strong("Loss of the same batch"), {"text": "train mode —, eval mode ····"}]
    found = [
        over_steps("modes-loss", title, "Loss of the same batch in train and in eval mode, over steps",
                   partial(loss, other=both),
                   partial(telling.over_steps, wanted=[LOSS, (*both, None)]),
                   EXPLANATIONS["train_eval_loss"], group="layers", weight=2.2),
        by_layer(RUNNING_MEAN, {"text": "from the batch's"}, id="mean-gap", labels=True),
        layer_over_steps(scene, view, RUNNING_MEAN),
    ]  # fmt: skip
    if scene.measured(RUNNING_VARIANCE.name):  # L1 and L∞ keep another measure of spread
        found.insert(2, by_layer(RUNNING_VARIANCE, {"text": "/ batch's"}, id="variance-ratio"))
        found.append(layer_over_steps(scene, view, RUNNING_VARIANCE))
    if scene.classified:
        found.append(accuracy_over_steps(scene, "in eval mode; training faint"))
    return found


def notice(scene: Scene) -> Part | None:
    """Why there is nothing to compare, if so."""
    keeps = any(arm.kind.running_statistics for arm in scene.arms.values())
    foreign = scene.config is None or any(arm.normalization == AS_IS for arm in scene.arms.values())
    if keeps or (foreign and scene.measured("running_mean_gap")):
        return None
    return {
        "title": "Train mode and eval mode are the same here",
        "text": "BatchNorm takes mean and variance from the batch in train mode, and from its running statistics in "
        "eval mode; this tab shows how far the two are apart. No network of this run keeps running statistics. "
        "Switch BatchNorm on for one of them.",
    }


TAB = Tab(
    "modes",
    "Train vs eval",
    panels,
    tuple(EXPLANATIONS[name] for name in ("train_eval_loss", "running_mean", "running_variance")),
    notice,
)
