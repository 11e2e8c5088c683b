"""Loss and accuracy over steps, as several tabs have them."""

from __future__ import annotations

from functools import partial

from bnviz.charts import telling
from bnviz.charts.explanations import EXPLANATIONS
from bnviz.charts.lines import accuracy, loss
from bnviz.charts.panel import Panel, Part, over_steps, strong
from bnviz.charts.scene import Scene
from bnviz.charts.telling import Quantity
from bnviz.verdict.wording import percent

LOSS: Quantity = ("train_loss", "training loss", None)


def loss_over_steps(scene: Scene) -> Panel:
    """Training loss, and test loss where there is a test set."""
    told = partial(telling.over_steps, wanted=[LOSS, ("test_loss", "test loss", None)])
    parts: list[Part] = [{"text": "training —, test ····" if scene.tested else "training"}]
    return over_steps("loss", [strong("Loss"), *parts], "Loss over steps", loss, told,
                      EXPLANATIONS["loss"])  # fmt: skip


def accuracy_over_steps(scene: Scene, beside: str = "training faint") -> Panel:
    """Test accuracy, and faintly training accuracy, which stands alone where there is no test set.

    beside: what the title says of the two.
    """
    wanted: list[Quantity] = [
        ("test_accuracy", "test accuracy", None), ("train_accuracy", "training accuracy", None),
    ]  # fmt: skip
    title = [strong("Test accuracy"), {"text": beside}] if scene.tested else [strong("Training accuracy")]
    return over_steps("accuracy", title, "Accuracy over steps", accuracy,
                      partial(telling.over_steps, wanted=wanted, say=percent), EXPLANATIONS["accuracy"])  # fmt: skip
