"""Everything that decides a run: `RunConfig` and its `Arm`s, their limits, and their form as a link."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, cast, get_args
from urllib.parse import parse_qsl, urlencode

from bnviz.config.settings import Choice, Number, Setting, Whole

Dataset = Literal[
    "digits", "iris", "wine", "breast_cancer", "moons", "circles", "spiral",
    "gaussian", "mnist", "fashion_mnist", "cifar10",
]  # fmt: skip
Model = Literal["mlp", "cnn"]
Activation = Literal["identity", "sigmoid", "tanh", "relu", "leaky_relu", "gelu", "silu"]
Init = Literal["xavier", "he", "normal_0.01", "orthogonal"]
Loss = Literal["cross_entropy", "squared_error"]
Optimizer = Literal["sgd", "momentum", "adam"]
Normalization = Literal["none", "batch", "layer", "group", "rms", "weight", "batch_l1", "batch_linf"]
Trick = Literal["none", "auxiliary", "pretrain"]
Landscape = Literal["off", "0.5-4", "0.01-30"]

IMAGE_DATASETS = ("digits", "mnist", "fashion_mnist", "cifar10")
DOWNLOADED_DATASETS = ("mnist", "fashion_mnist", "cifar10")
BATCH_NORMALIZATIONS = ("batch", "batch_l1", "batch_linf")
MAX_ARMS = 6
NORMALIZATION_TITLES = {
    "none": "no normalization", "batch": "BatchNorm", "layer": "LayerNorm", "group": "GroupNorm",
    "rms": "RMSNorm", "weight": "WeightNorm", "batch_l1": "BatchNorm, L1", "batch_linf": "BatchNorm, L∞",
}  # fmt: skip
TRICK_TITLES = {"auxiliary": "auxiliary losses", "pretrain": "pre-training"}
LEARNING_RATE = Number(0.0, 1000.0)


@dataclass(frozen=True, slots=True)
class Arm:
    """One network of a run: what is done to it; all else it shares with the other arms."""

    normalization: Normalization = "none"
    """What stands between a weight layer and its activation."""

    noise: bool = False
    """Random shift and scale after the normalization (Santurkar et al. 2018, App. A.2.1)."""

    trick: Trick = "none"
    """A treatment from before BatchNorm, by `bnviz.models.treatments`.

    auxiliary: classifiers after one and two thirds of the hidden layers, each adding 0.3 times its loss while
    training, absent at test time (Szegedy et al. 2014, section 5). pretrain: a shallow net trains first; the deep one
    then starts with its first layers and its output layer (Simonyan & Zisserman 2014, section 3.1).
    """

    learning_rate: float | None = None
    """The arm's own learning rate; None: the run's."""

    def __post_init__(self) -> None:
        _check(self, "normalization", Choice(get_args(Normalization)))
        _check(self, "trick", Choice(get_args(Trick)))
        if not isinstance(self.noise, bool):
            raise ValueError(f"noise must be True or False, got {self.noise!r}.")
        if self.learning_rate is not None:
            _check(self, "learning_rate", LEARNING_RATE)

    @property
    def label(self) -> str:
        """The arm in a word, such as `batch+noise@0.1`; `Arm.parse` reads it back."""
        parts = [self.normalization, *(["noise"] if self.noise else []), self.trick]
        label = "+".join([parts[0], *(part for part in parts[1:] if part != "none")])
        return label if self.learning_rate is None else f"{label}@{self.learning_rate!r}"

    @property
    def title(self) -> str:
        """The arm as people call it, such as `BatchNorm + noise`."""
        parts = [NORMALIZATION_TITLES[self.normalization], *(["noise"] if self.noise else [])]
        if self.trick != "none":
            parts.append(TRICK_TITLES[self.trick])
        rate = "" if self.learning_rate is None else f", lr {self.learning_rate:g}"
        return " + ".join(parts) + rate

    @classmethod
    def parse(cls, label: str) -> Arm:
        """The arm that has this label, such as `none`, `batch+noise` or `none+auxiliary@0.1`.

        Errors: ValueError that names the label and what is allowed.
        """
        match = re.fullmatch(r"([a-z0-9_]+)((?:[+ ][a-z]+)*)(?:@(.+))?", label.strip())
        if match is None:
            raise ValueError(_bad_arm(label))
        normalization, extras, rate = match[1], re.split(r"[+ ]", match[2])[1:], match[3]
        tricks = [extra for extra in extras if extra != "noise"]
        try:
            return cls(
                normalization=cast(Normalization, normalization),
                noise="noise" in extras,
                trick=cast(Trick, tricks[0] if tricks else "none"),
                learning_rate=None if rate is None else float(rate),
            )
        except ValueError:
            raise ValueError(_bad_arm(label)) from None


def _bad_arm(label: str) -> str:
    return (
        f"arms must be labels joined by commas, got {label!r}: each is one of "
        f"{', '.join(get_args(Normalization))}, then +noise, +auxiliary or +pretrain where wanted, "
        f"then @ and a learning rate of its own where wanted (batch+noise@0.1)."
    )


@dataclass(frozen=True)
class Arms:
    """One to `MAX_ARMS` networks, trained in lockstep."""

    allowed = f"1 to {MAX_ARMS} arms"

    def check(self, value: Any) -> tuple[Arm, ...]:
        """The arms as a tuple; ValueError when there are none, too many, or things of another kind."""
        if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
            raise ValueError
        arms = tuple(value)
        if not 1 <= len(arms) <= MAX_ARMS or not all(isinstance(arm, Arm) for arm in arms):
            raise ValueError
        return arms

    def parse(self, text: str) -> tuple[Arm, ...]:
        """Read labels joined by commas."""
        return tuple(Arm.parse(label) for label in text.split(","))


def _check(owner: Any, name: str, setting: Setting) -> None:
    value = getattr(owner, name)
    try:
        object.__setattr__(owner, name, setting.check(value))
    except (ValueError, TypeError, OverflowError):
        shown = ",".join(getattr(arm, "label", repr(arm)) for arm in value) if name == "arms" and isinstance(
            value, (tuple, list)) else repr(value)  # fmt: skip
        raise ValueError(f"{name} must be {setting.allowed}, got {shown}.") from None


def _setting(default: Any, setting: Setting, title: str, help: str) -> Any:
    return field(default=default, metadata={"setting": setting, "title": title, "help": help})


@dataclass(frozen=True, slots=True)
class RunConfig:
    """Everything that decides a run: the same config gives the same frames.

    Errors: ValueError that names the field, the value given and what is allowed.
    """

    dataset: Dataset = _setting("digits", Choice(get_args(Dataset)), "Data", "What the networks learn from.")
    model: Model = _setting(
        "mlp", Choice(get_args(Model)), "Network", "Fully connected layers, or 3x3 convolutions on images."
    )
    depth: int = _setting(6, Whole(1, 50), "Depth", "Number of hidden layers.")
    width: int = _setting(64, Whole(2, 512), "Width", "Units (or channels) of each hidden layer.")
    activation: Activation = _setting(
        "sigmoid", Choice(get_args(Activation)), "Activation", "Function applied to each unit."
    )
    init: Init = _setting("xavier", Choice(get_args(Init)), "Initialization", "How weights are drawn.")
    loss: Loss = _setting(
        "cross_entropy", Choice(get_args(Loss)), "Loss", "Cross-entropy (classes) or squared error (regression)."
    )
    optimizer: Optimizer = _setting(
        "sgd", Choice(get_args(Optimizer)), "Optimizer", "Plain SGD, SGD with momentum 0.9, or Adam."
    )
    learning_rate: float = _setting(0.5, LEARNING_RATE, "Learning rate", "Step length of the optimizer.")
    batch_size: int = _setting(
        128, Whole(1, 4096), "Batch size", "Samples a step; at most the whole training set is taken."
    )
    steps: int = _setting(1000, Whole(1, 1_000_000), "Steps", "Optimizer updates until the run is finished.")
    measure_every: int = _setting(10, Whole(1, 10_000), "Measure every", "Steps from one frame to the next.")
    seed: int = _setting(0, Whole(0, 2**31 - 1), "Seed", "Decides weights, batches and noise.")
    data_noise: float = _setting(
        0.2, Number(0.0, 1.0), "Noise", "Standard deviation of the noise in moons, circles and spiral."
    )
    groups: int = _setting(8, Whole(1, 512), "Groups", "Groups of channels in group normalization.")
    bn_momentum: float = _setting(
        0.1, Number(0.0, 1.0), "BatchNorm momentum", "Weight of the newest batch in the running statistics."
    )
    landscape: Landscape = _setting(
        "off",
        Choice(get_args(Landscape)),
        "Landscape",
        "Loss and gradient at 8 points along the gradient: steps of this many learning rates. Each point costs about "
        "as much as a training step.",
    )
    arms: tuple[Arm, ...] = _setting(
        (Arm("none"), Arm("batch")), Arms(), "Networks", "The networks trained side by side."
    )

    def __post_init__(self) -> None:
        for each in fields(self):
            _check(self, each.name, each.metadata["setting"])
        self._check_together()

    def _check_together(self) -> None:
        normalizations = {arm.normalization for arm in self.arms}
        if self.model == "cnn" and self.dataset not in IMAGE_DATASETS:
            raise ValueError(
                f"model must be mlp for dataset {self.dataset}, got cnn: "
                f"convolutions need images ({', '.join(IMAGE_DATASETS)})."
            )
        if (self.loss == "squared_error") != (self.dataset == "gaussian"):
            wanted = "squared_error" if self.dataset == "gaussian" else "cross_entropy"
            raise ValueError(f"loss must be {wanted} for dataset {self.dataset}, got {self.loss!r}.")
        for trick, least in (("pretrain", 2), ("auxiliary", 3)):
            if self.depth < least and any(arm.trick == trick for arm in self.arms):
                raise ValueError(f"depth must be at least {least} with {TRICK_TITLES[trick]}, got {self.depth}.")
        if self.batch_size == 1 and normalizations.intersection(BATCH_NORMALIZATIONS):
            raise ValueError(
                "batch_size must be at least 2 with BatchNorm, got 1: one sample has no variance over the batch."
            )
        if "group" in normalizations and self.width % self.groups:
            raise ValueError(f"groups must divide width {self.width}, got {self.groups}.")

    @property
    def labels(self) -> tuple[str, ...]:
        """One name an arm, each once: its label, numbered where arms are alike (`batch`, `batch (2)`)."""
        seen: Counter[str] = Counter()
        names = []
        for arm in self.arms:
            seen[arm.label] += 1
            names.append(arm.label if seen[arm.label] == 1 else f"{arm.label} ({seen[arm.label]})")
        return tuple(names)

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
LIVE_FIELDS = ("learning_rate", "bn_momentum", "measure_every", "steps", "landscape")
"""What a run takes over without starting anew; an arm's normalization, noise and learning_rate too."""


LIVE_ARM_FIELDS = ("normalization", "noise", "learning_rate")


def live_changes(now: RunConfig, wanted: RunConfig) -> list[tuple[int | None, dict[str, Any]]]:
    """What to change in a running net to get from one config to another: (place of the arm or None, fields).

    Errors: ValueError when only a new start leads there; it names the fields that need one.
    """
    changed = {each.name for each in fields(RunConfig) if getattr(now, each.name) != getattr(wanted, each.name)}
    stuck = sorted(changed.difference(LIVE_FIELDS, {"arms"}))
    pairs = list(zip(now.arms, wanted.arms, strict=False))
    if len(now.arms) != len(wanted.arms) or any(old.trick != new.trick for old, new in pairs):
        stuck.append("arms")
    if stuck:
        raise ValueError(", ".join(stuck))
    general = {name: getattr(wanted, name) for name in LIVE_FIELDS if name in changed}
    changes: list[tuple[int | None, dict[str, Any]]] = [(None, general)] if general else []
    for place, (old, new) in enumerate(pairs):
        different = {n: getattr(new, n) for n in LIVE_ARM_FIELDS if getattr(new, n) != getattr(old, n)}
        if different:
            changes.append((place, different))
    return changes


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


def forgiving_config(values: Mapping[str, str], base: RunConfig | None = None) -> tuple[RunConfig, list[str]]:
    """The nearest allowed config, and a sentence for each field that fell back to `base` (default: the defaults).

    Fields are taken over one by one, so that one bad value costs that field alone.
    """
    config, problems = base or RunConfig(), []
    pending = {}
    for name, text in values.items():
        try:
            pending[name] = parse_field(name, text)
        except ValueError as error:
            problems.append(str(error))
    try:
        return replace(config, **pending), problems
    except ValueError:  # each value is fine alone, but not all together: keep what fits
        for name, value in pending.items():
            try:
                config = replace(config, **{name: value})
            except ValueError as error:
                problems.append(str(error))
    return config, problems
