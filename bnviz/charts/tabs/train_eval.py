"""The tab of train against eval mode: BatchNorm's running statistics beside those of the batch."""

from __future__ import annotations

from functools import partial
from typing import Any

from bnviz.charts.lines import accuracy, loss
from bnviz.charts.panel import Panel, Part, by_layer, layer_over_steps, over_steps, strong
from bnviz.charts.scene import Scene, View

MEAN, VARIANCE = "Running mean", "Running variance"


def panels(scene: Scene, view: View) -> list[Panel]:
    """The same batch's loss in both modes, and how far running statistics are from the batch's own, by layer."""
    both = partial(loss, other=("eval_loss", "same batch in eval mode"))
    title = [strong("Loss of the same batch"), {"text": "train mode —, eval mode ····"}]
    found = [
        over_steps("modes-loss", title, "Loss of the same batch in train and in eval mode, over steps", both,
                   "train_eval_loss", group="layers", weight=2.2),
        by_layer("mean-gap", [strong(MEAN), {"text": "from the batch's"}], "standard deviations off:",
                 name="running_mean_gap", kind="linear", topic="running_mean", labels=True),
        layer_over_steps(scene, view, MEAN, "standard deviations off:", name="running_mean_gap", kind="linear",
                         topic="running_mean"),
    ]  # fmt: skip
    if scene.measured("running_var_ratio"):  # L1 and L∞ keep another measure of spread
        what = "times the batch's variance:"
        ratio: Any = {"name": "running_var_ratio", "kind": "log", "topic": "running_variance", "guide": 1.0}
        found.insert(2, by_layer("variance-ratio", [strong(VARIANCE), {"text": "/ batch's"}], what, **ratio))
        found.append(layer_over_steps(scene, view, VARIANCE, what, **ratio))
    if scene.classified:
        title = [strong("Test accuracy"), {"text": "in eval mode; training faint"}]
        found.append(over_steps("accuracy", title, "Accuracy over steps", accuracy, "accuracy"))
    return found


def notice(scene: Scene) -> Part | None:
    """Why there is nothing to compare, if so."""
    keeps = any(arm.kind.running_statistics for arm in scene.arms.values())
    if keeps or (scene.config is None and scene.measured("running_mean_gap")):
        return None
    return {
        "title": "Train mode and eval mode are the same here",
        "text": "BatchNorm takes mean and variance from the batch in train mode, and from its running statistics in "
        "eval mode; this tab shows how far the two are apart. No network of this run keeps running statistics. "
        "Switch BatchNorm on for one of them.",
    }
