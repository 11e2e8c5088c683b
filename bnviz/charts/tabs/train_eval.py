"""The tab of train against eval mode: BatchNorm's running statistics beside those of the batch."""

from __future__ import annotations

from functools import partial

from bnviz.charts.explanations import EXPLANATIONS
from bnviz.charts.lines import accuracy, loss
from bnviz.charts.measures import RUNNING_MEAN, RUNNING_VARIANCE
from bnviz.charts.panel import Panel, Part, Tab, by_layer, layer_over_steps, over_steps, strong
from bnviz.charts.scene import Scene, View
from bnviz.config import AS_IS


def panels(scene: Scene, view: View) -> list[Panel]:
    """The same batch's loss in both modes, and how far running statistics are from the batch's own, by layer."""
    both = partial(loss, other=("eval_loss", "same batch in eval mode"))
    title = [strong("Loss of the same batch"), {"text": "train mode —, eval mode ····"}]
    found = [
        over_steps("modes-loss", title, "Loss of the same batch in train and in eval mode, over steps", both,
                   EXPLANATIONS["train_eval_loss"], group="layers", weight=2.2),
        by_layer(RUNNING_MEAN, {"text": "from the batch's"}, id="mean-gap", labels=True),
        layer_over_steps(scene, view, RUNNING_MEAN),
    ]  # fmt: skip
    if scene.measured(RUNNING_VARIANCE.name):  # L1 and L∞ keep another measure of spread
        found.insert(2, by_layer(RUNNING_VARIANCE, {"text": "/ batch's"}, id="variance-ratio"))
        found.append(layer_over_steps(scene, view, RUNNING_VARIANCE))
    if scene.classified:
        title = [strong("Test accuracy"), {"text": "in eval mode; training faint"}]
        found.append(over_steps("accuracy", title, "Accuracy over steps", accuracy, EXPLANATIONS["accuracy"]))
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
