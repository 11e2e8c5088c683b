"""The data sets, each declared once: what is known of it before it is loaded; `bnviz.data` loads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Loss = Literal["cross_entropy", "squared_error", "mean_squared_error"]
TEST_SHARE = 0.2
"""Of all samples, for testing, where a set has no split of its own."""
MAX_TEST = 1000
"""At most so many test samples: they are evaluated while training is watched."""

SQUARED_RATE = 0.03
"""Learning rate for the mean of squared errors of a standardized target, which 0.5 makes oscillate."""


@dataclass(frozen=True)
class OpenML:
    """Where a set is on openml.org, and about how much has to be downloaded."""

    name: str
    megabytes: int


@dataclass(frozen=True)
class DataSet:
    """What the networks can learn from."""

    title: str
    """As people call it."""

    shape: tuple[int, ...]
    """Of one input: features, or channels, height and width of an image."""

    classes: int
    """Number of classes; 0: regression."""

    samples: int
    """In the training part."""

    commonest: float | None = None
    """Share of the commonest class, who always says it is right so often; None: all are equally common."""

    targets: int = 1
    """Numbers to foretell for each sample, where there are no classes."""

    summed: bool = False
    """Whether the usual squared error is its sum over the batch (Santurkar et al. 2018, App. A), not its mean."""

    drawn: bool = False
    """Whether its points are drawn with noise that can be set."""

    openml: OpenML | None = None
    """Where it is downloaded from on first use; None: it is at hand."""

    @property
    def images(self) -> bool:
        """Whether its inputs are images, which convolutions need."""
        return len(self.shape) == 3

    @property
    def planar(self) -> bool:
        """Whether its inputs are points of a plane, of two classes, so that decisions can be drawn on it."""
        return self.shape == (2,) and self.classes == 2

    @property
    def outputs(self) -> int:
        """Numbers that a network gives for each sample."""
        return self.classes or self.targets

    @property
    def tests(self) -> int:
        """Samples in the test part."""
        return min(MAX_TEST, round(self.samples * TEST_SHARE / (1 - TEST_SHARE)))

    @property
    def losses(self) -> tuple[Loss, ...]:
        """The losses that go with its targets, the usual one first. Squared errors of classes: of one-hot targets."""
        squared: list[Loss] = ["mean_squared_error", "squared_error"]
        return (*(["cross_entropy"] if self.classes else []), *(reversed(squared) if self.summed else squared))

    @property
    def usual(self) -> dict[str, Any]:
        """Settings that go with it: a loss, a rate at which that is learned, a network that takes its inputs."""
        rate = {"learning_rate": SQUARED_RATE} if self.losses[0] == "mean_squared_error" else {}
        return {"loss": self.losses[0], **rate, **({} if self.images else {"model": "mlp"})}


CATALOG = {
    "digits": DataSet("Digits, 8×8", (1, 8, 8), 10, 1438),
    "iris": DataSet("Iris", (4,), 3, 120),
    "wine": DataSet("Wine", (13,), 3, 142, commonest=0.40),
    "breast_cancer": DataSet("Breast cancer", (30,), 2, 456, commonest=0.63),
    "moons": DataSet("Moons", (2,), 2, 800, drawn=True),
    "circles": DataSet("Circles", (2,), 2, 800, drawn=True),
    "spiral": DataSet("Spiral", (2,), 2, 800, drawn=True),
    "gaussian": DataSet("Gaussian, linear target", (10,), 0, 1000, targets=10, summed=True),
    "mnist": DataSet("MNIST", (1, 28, 28), 10, 60_000, openml=OpenML("mnist_784", 15)),
    "fashion_mnist": DataSet("Fashion-MNIST", (1, 28, 28), 10, 60_000, openml=OpenML("Fashion-MNIST", 37)),
    "cifar10": DataSet("CIFAR-10", (3, 32, 32), 10, 50_000, openml=OpenML("CIFAR_10", 230)),
}
