"""Everything that decides a run: `RunConfig` and its `Arm`s, their limits, and their form as a link."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args
from urllib.parse import parse_qsl, urlencode

from bnviz.config.arm import (
    LEARNING_RATE,
    LIVE_ARM_FIELDS,
    MAX_ARMS,
    Arm,
    Arms,
    Trick,
    check,
    numbered,
    setting,
    title_of,
)
from bnviz.config.catalog import CATALOG, DataSet, Loss
from bnviz.config.normalizations import AS_IS, NORMALIZATIONS
from bnviz.config.own import DataName, data_set
from bnviz.config.settings import Choice, Number, Setting, Whole

__all__ = [
    "AS_IS", "CATALOG", "LEARNING_RATE", "LIVE_ARM_FIELDS", "MAX_ARMS", "MOMENTUM", "NORMALIZATIONS",
    "Arm", "RunConfig", "Trick", "numbered", "title_of",
]  # fmt: skip

Model = Literal["mlp", "cnn", "own"]
Activation = Literal["identity", "sigmoid", "tanh", "relu", "leaky_relu", "gelu", "silu"]
Init = Literal["xavier", "he", "normal_0.01", "orthogonal"]
Optimizer = Literal["sgd", "momentum", "adam"]
Landscape = Literal["off", "0.5-4", "0.01-30"]

MOMENTUM = 0.9
"""Of the optimizer called `momentum`."""


@dataclass(frozen=True, slots=True)
class RunConfig:
    """Everything that decides a run: the same config gives the same frames.

    Errors: ValueError that names the field, the value given and what is allowed.
    """

    dataset: str = setting(
        "digits",
        DataName(tuple(CATALOG), {name: data.title for name, data in CATALOG.items()}),
        "Data", "What the networks learn from.",
    )  # fmt: skip
    model: Model = setting(
        "mlp",
        Choice(get_args(Model), {"mlp": "Fully connected", "cnn": "Convolutional", "own": "Your model"}),
        "Network", "Fully connected layers, 3x3 convolutions on images, or the model that bnviz was started with.",
    )  # fmt: skip
    depth: int = setting(6, Whole(1, 50), "Depth", "Number of hidden layers.")
    width: int = setting(
        64,
        Whole(2, 512),
        "Width",
        "Units (or channels) of each hidden layer.",
        stops=(2, 4, 8, 16, 32, 64, 100, 128, 256, 512),
    )
    activation: Activation = setting(
        "sigmoid",
        Choice(
            get_args(Activation),
            {"identity": "identity", "sigmoid": "sigmoid", "tanh": "tanh", "relu": "ReLU", "leaky_relu": "leaky ReLU",
             "gelu": "GELU", "silu": "SiLU"},
        ),
        "Activation",
        "Function applied to each unit.",
    )  # fmt: skip
    init: Init = setting(
        "xavier",
        Choice(get_args(Init), {"xavier": "Xavier (Glorot)", "normal_0.01": "Normal, 0.01"}),
        "Initialization",
        "How weights are drawn.",
    )
    weight_scale: float = setting(
        1.0, Number(0.0, 100.0), "Weight scale", "Factor on all weights as they are drawn.",
        stops=(0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0),
    )  # fmt: skip
    loss: Loss = setting(
        "cross_entropy",
        Choice(get_args(Loss), {"squared_error": "Squared error, sum", "mean_squared_error": "Squared error, mean"}),
        "Loss", "Cross-entropy, for classes alone, or the squared error, its sum or mean over batch and outputs.",
    )  # fmt: skip
    optimizer: Optimizer = setting(
        "sgd",
        Choice(get_args(Optimizer), {"sgd": "SGD", "momentum": f"SGD, momentum {MOMENTUM}"}),
        "Optimizer",
        f"Plain SGD, SGD with momentum {MOMENTUM}, or Adam.",
    )
    learning_rate: float = setting(
        0.5,
        LEARNING_RATE,
        "Learning rate",
        "Step length of the optimizer.",
        live=True,
        stops=(0.0, 1e-7, 1e-6, 1e-5, 1e-4, 3e-4, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0,
               3.0, 5.0, 10.0),
    )  # fmt: skip
    batch_size: int = setting(
        128,
        Whole(1, 4096),
        "Batch size",
        "Samples a step; at most the whole training set is taken.",
        stops=(1, 2, 4, 8, 16, 32, 60, 64, 128, 256, 512, 1024, 4096),
    )
    steps: int = setting(
        1000,
        Whole(1, 1_000_000),
        "Steps",
        "Optimizer updates until the run is finished.",
        live=True,
        stops=(100, 300, 1000, 3000, 10_000, 30_000, 100_000, 1_000_000),
    )
    measure_every: int = setting(
        10,
        Whole(1, 10_000),
        "Measure every",
        "Steps from one frame to the next.",
        live=True,
        stops=(1, 2, 5, 10, 20, 50, 100, 1000),
    )
    seed: int = setting(0, Whole(0, 2**31 - 1), "Seed", "Decides weights, batches and noise.")
    data_noise: float = setting(
        0.2, Number(0.0, 1.0), "Noise", "Standard deviation of the noise in moons, circles and spiral."
    )
    groups: int = setting(8, Whole(1, 512), "Groups", "Groups of channels in group normalization.")
    bn_momentum: float = setting(
        0.1,
        Number(0.0, 1.0),
        "BatchNorm momentum",
        "Weight of the newest batch in the running statistics.",
        live=True,
    )
    landscape: Landscape = setting(
        "off",
        Choice(
            get_args(Landscape),
            {"off": "off", "0.5-4": "½ to 4 × learning rate", "0.01-30": "0.01 to 30 × learning rate"},
        ),
        "Landscape",
        "Loss and gradient at 8 points along the gradient: steps of this many learning rates. Each point costs about "
        "as much as a training step.",
        live=True,
    )
    arms: tuple[Arm, ...] = setting(
        (Arm("none"), Arm("batch")), Arms(), "Networks", "The networks trained side by side."
    )

    def __post_init__(self) -> None:
        for each in fields(self):
            check(self, each.name, each.metadata["setting"])
        self._check_together()

    def _check_together(self) -> None:
        if self.model == "cnn" and not self.data.images:
            images = ", ".join(name for name, data in CATALOG.items() if data.images)
            raise ValueError(
                f"model must be mlp for dataset {self.dataset}, got cnn: convolutions need images ({images})."
            )
        if self.loss not in (usual := self.data.losses):
            also = f"{usual[0]} for dataset {self.dataset}, or {' or '.join(usual[1:])}"
            raise ValueError(f"loss must be {also}, got {self.loss!r}.")
        if self.model != "own" and any(arm.normalization == AS_IS for arm in self.arms):
            raise ValueError(f"arms can be {AS_IS} with model own alone, got model {self.model}.")
        if self.model == "own" and any(arm.noise or arm.trick != "none" for arm in self.arms):
            raise ValueError("arms of model own take a normalization and a learning rate, and nothing else.")
        for trick, least in (("pretrain", 2), ("auxiliary", 3)):
            if self.depth < least and any(arm.trick == trick for arm in self.arms):
                raise ValueError(f"depth must be at least {least} with {title_of('trick', trick)}, got {self.depth}.")
        if self.batch_size == 1 and any(arm.kind.over_batch for arm in self.arms):
            raise ValueError(
                "batch_size must be at least 2 with BatchNorm, got 1: one sample has no variance over the batch."
            )
        grouped = self.model != "own" and any(arm.normalization == "group" for arm in self.arms)
        if grouped and self.width % self.groups:
            raise ValueError(f"groups must divide width {self.width}, got {self.groups}.")

    @property
    def data(self) -> DataSet:
        """What is known of its data set."""
        return data_set(self.dataset)

    @property
    def labels(self) -> tuple[str, ...]:
        """One name an arm, each once: its label, numbered where arms are alike (`batch`, `batch (2)`)."""
        return numbered(arm.label for arm in self.arms)

    def rate(self, arm: Arm) -> float:
        """The learning rate of an arm: its own, or that of the run."""
        return self.learning_rate if arm.learning_rate is None else arm.learning_rate

    def to_dict(self) -> dict[str, str]:
        """Every field as text, in the order of declaration."""
        return {
            each.name: ",".join(arm.label for arm in self.arms)
            if each.name == "arms"
            else str(getattr(self, each.name))
            for each in fields(self)
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, str], base: RunConfig | None = None) -> RunConfig:
        """The config with these fields, given as text; the rest as in `base` (default: the defaults).

        Errors: ValueError that names the field, the value and what is allowed.
        """
        changes = {name: parse_field(name, text) for name, text in values.items()}
        return replace(base or cls(), **changes)

    def to_query(self) -> str:
        """The config as the query part of a link."""
        return urlencode(self.to_dict())

    @classmethod
    def from_query(cls, query: str) -> RunConfig:
        """The config in the query part of a link; fields it does not name have their defaults.

        Errors: ValueError that names the field, the value and what is allowed.
        """
        return cls.from_dict(dict(parse_qsl(query.removeprefix("?"), keep_blank_values=True)))


SETTINGS: dict[str, Setting] = {each.name: each.metadata["setting"] for each in fields(RunConfig)}
TITLES: dict[str, str] = {each.name: each.metadata["title"] for each in fields(RunConfig)}
LIVE_FIELDS = tuple(each.name for each in fields(RunConfig) if each.metadata["live"])
"""What a run takes over without starting anew; an arm's `LIVE_ARM_FIELDS` too."""


def parse_field(name: str, text: str) -> Any:
    """The value of one field of `RunConfig`, read from text and checked.

    Errors: ValueError that names the field, the value and what is allowed.
    """
    if name not in SETTINGS:
        raise ValueError(f"Unknown setting {name!r}. Settings: {', '.join(SETTINGS)}.")
    setting = SETTINGS[name]
    if isinstance(setting, Arms):
        return setting.parse(text)
    try:
        return setting.check(setting.parse(text))
    except (ValueError, OverflowError):
        raise ValueError(f"{name} must be {setting.allowed}, got {text!r}.") from None
