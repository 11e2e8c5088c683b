"""An arm, one network of a run: what is done to it, its limits, and its form as text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, fields
from typing import Any, Literal, cast, get_args

from bnviz.config.normalizations import AS_IS, NORMALIZATIONS, Normalization
from bnviz.config.settings import Choice, Flag, Maybe, Number, Setting

Trick = Literal["none", "auxiliary", "pretrain"]

MAX_ARMS = 6
_KINDS = {**NORMALIZATIONS, AS_IS: Normalization("as it is")}
LEARNING_RATE = Number(0.0, 1000.0)


def setting(
    default: Any,
    kind: Setting,
    title: str = "",
    help: str = "",
    *,
    live: bool = False,
    stops: tuple[float, ...] = (),
) -> Any:
    """A field that is a setting.

    live: it may change in a running network, without a new start. stops: round values that a slider offers.
    """
    told = {"setting": kind, "title": title, "help": help, "live": live, "stops": stops}
    return field(default=default, metadata=told)


def check(owner: Any, name: str, setting: Setting) -> None:
    """Give a field of a frozen owner its value in its proper type; ValueError that names it and what is allowed."""
    value = getattr(owner, name)
    try:
        object.__setattr__(owner, name, setting.check(value))
    except (ValueError, TypeError, OverflowError):
        shown = ",".join(getattr(arm, "label", repr(arm)) for arm in value) if name == "arms" and isinstance(
            value, (tuple, list)) else repr(value)  # fmt: skip
        raise ValueError(f"{name} must be {setting.allowed}, got {shown}.") from None


@dataclass(frozen=True, slots=True)
class Arm:
    """One network of a run: what is done to it; all else it shares with the other arms."""

    normalization: str = setting(
        "none",
        Choice((*NORMALIZATIONS, AS_IS), {name: kind.title for name, kind in _KINDS.items()}),
        "Normalization",
        live=True,
    )
    """What stands between a weight layer and its activation."""

    noise: bool = setting(False, Flag(), "Noise after it", live=True)
    """Random shift and scale after the normalization (Santurkar et al. 2018, App. A.2.1)."""

    trick: Trick = setting(
        "none",
        Choice(get_args(Trick), {"none": "nothing", "auxiliary": "auxiliary losses", "pretrain": "pre-training"}),
        "From before BatchNorm",
        "Auxiliary classifiers at a third and two thirds of the depth, or growing from a shallow net. "
        "A change starts anew.",
    )
    """A treatment from before BatchNorm, by `bnviz.models.treatments`.

    auxiliary: classifiers after one and two thirds of the hidden layers, each adding 0.3 times its loss while
    training, absent at test time (Szegedy et al. 2014, section 5). pretrain: a shallow net trains first; the deep one
    then starts with its first layers and its output layer (Simonyan & Zisserman 2014, section 3.1).
    """

    learning_rate: float | None = setting(None, Maybe(LEARNING_RATE), "Learning rate of its own", live=True)
    """The arm's own learning rate; None: the run's."""

    def __post_init__(self) -> None:
        for each in fields(self):
            check(self, each.name, each.metadata["setting"])

    @property
    def kind(self) -> Normalization:
        """What is known of its normalization."""
        return _KINDS[self.normalization]

    @property
    def label(self) -> str:
        """The arm in a word, such as `batch+noise@0.1`; `Arm.parse` reads it back."""
        parts = [self.normalization, *(["noise"] if self.noise else []), self.trick]
        label = "+".join([parts[0], *(part for part in parts[1:] if part != "none")])
        return label if self.learning_rate is None else f"{label}@{self.learning_rate!r}"

    @property
    def title(self) -> str:
        """The arm as people call it, such as `BatchNorm + noise`."""
        parts = [self.kind.title, *(["noise"] if self.noise else [])]
        if self.trick != "none":
            parts.append(title_of("trick", self.trick))
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
                normalization=normalization,
                noise="noise" in extras,
                trick=cast(Trick, tricks[0] if tricks else "none"),
                learning_rate=None if rate is None else float(rate),
            )
        except ValueError:
            raise ValueError(_bad_arm(label)) from None


def _bad_arm(label: str) -> str:
    return (
        f"arms must be labels joined by commas, got {label!r}: each is one of "
        f"{', '.join(_KINDS)}, then +noise, +auxiliary or +pretrain where wanted, "
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


ARM_SETTINGS: dict[str, Setting] = {each.name: each.metadata["setting"] for each in fields(Arm)}
LIVE_ARM_FIELDS = tuple(each.name for each in fields(Arm) if each.metadata["live"])
"""What an arm takes over without starting anew."""


def title_of(name: str, value: str) -> str:
    """One of the choices for a field of `Arm` as people write it."""
    choice = ARM_SETTINGS[name]
    assert isinstance(choice, Choice)
    return choice.title(value)


def own_arms(kinds: Collection[str]) -> tuple[Arm, Arm]:
    """A model of somebody's own as it is, with these normalizations, and with BatchNorm; without any if it has that."""
    return Arm(AS_IS), Arm("none" if "batch" in kinds else "batch")


def numbered(names: Iterable[str]) -> tuple[str, ...]:
    """The names, each once: alike ones are numbered from the second on (`batch`, `batch (2)`)."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(found)


def parse_arm_field(name: str, text: str) -> Any:
    """The value of one field of `Arm`, read from what `str` made of it. Errors: ValueError; KeyError: no such field."""
    return ARM_SETTINGS[name].check(ARM_SETTINGS[name].parse(text))
