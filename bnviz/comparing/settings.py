"""How a comparison trains: each setting once, with its limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any, get_args

import torch
from torch import nn
from torch.optim import Optimizer

from bnviz.config import LEARNING_RATE, MOMENTUM, NORMALIZATIONS
from bnviz.config import Optimizer as OptimizerName
from bnviz.config.arm import check, setting
from bnviz.config.settings import Choice, Maybe, Number, Setting, Whole
from bnviz.models.variants import AS_IS

VARIANTS = (AS_IS, "batch", "layer", "none")
OPTIMIZERS = get_args(OptimizerName)
RATES = {"sgd": (0.01, 0.1, 1.0), "momentum": (0.001, 0.01, 0.1), "adam": (0.0001, 0.001, 0.01)}
"""Learning rates that are tried where none is given."""

MakeOptimizer = Callable[[Iterable[nn.Parameter], float], Optimizer]


@dataclass(frozen=True)
class Several:
    """One or several of a kind, each once; in text, with commas between."""

    each: Setting

    @property
    def allowed(self) -> str:
        """What may be given, in words."""
        return f"one or several, each {self.each.allowed}"

    def check(self, value: Any) -> tuple[Any, ...]:
        """The values as a tuple; ValueError when one is not allowed, or none is left."""
        values = [value] if isinstance(value, (str, int, float)) else list(value)
        checked = tuple(dict.fromkeys(self.each.check(one) for one in values))
        if not checked:
            raise ValueError
        return checked

    def parse(self, text: str) -> Any:
        """Read from text."""
        return [self.each.parse(part.strip()) for part in text.split(",")]


@dataclass(frozen=True)
class Positive(Number):
    """A number above 0, to `high`."""

    @property
    def allowed(self) -> str:
        """What may be given, in words."""
        return f"a number above 0, to {self.high:g}"

    def check(self, value: Any) -> float:
        """The value as a float; ValueError when it is not one of the allowed."""
        if not super().check(value) > 0:
            raise ValueError
        return float(value)


@dataclass(frozen=True)
class Settings:
    """All that decides how the variants are trained, but the net and the data."""

    variants: tuple[str, ...] = setting(VARIANTS, Several(Choice((AS_IS, *NORMALIZATIONS))))
    learning_rate: tuple[float, ...] | None = setting(None, Maybe(Several(Positive(0.0, LEARNING_RATE.high))))
    """Each variant is judged at its own best; None: `RATES` of the optimizer."""
    seeds: tuple[int, ...] = setting(5, Several(Whole(0, 2**31 - 1)))
    steps: int = setting(500, Whole(1, 10_000_000))
    batch_size: int = setting(64, Whole(1, 1_000_000))
    optimizer: str = setting("sgd", Choice(OPTIMIZERS))
    make_optimizer: MakeOptimizer | None = None
    """One of the user's own; `optimizer` is not looked at."""

    def __post_init__(self) -> None:
        if isinstance(self.seeds, int) and not isinstance(self.seeds, bool):
            if self.seeds < 1:
                raise ValueError(f"seeds must be how many, from 1 on, or a list of them, got {self.seeds}.")
            object.__setattr__(self, "seeds", tuple(range(self.seeds)))
        for each in fields(self):
            if "setting" in each.metadata:
                check(self, each.name, each.metadata["setting"])
        if len(self.variants) < 2:
            raise ValueError(f"variants must be two or more to compare, got {self.variants[0]!r} alone.")
        if self.learning_rate is None and self.make_optimizer is not None:
            raise ValueError("An optimizer of your own needs learning_rate=, one or several numbers.")
        rates = self.learning_rate or RATES[self.optimizer]
        object.__setattr__(self, "learning_rate", tuple(sorted(rates)))

    @property
    def rates(self) -> tuple[float, ...]:
        """The learning rates, in ascending order."""
        assert self.learning_rate is not None
        return self.learning_rate

    @property
    def optimizer_title(self) -> str:
        """The optimizer as people write it."""
        if self.make_optimizer is not None:
            return getattr(self.make_optimizer, "__name__", type(self.make_optimizer).__name__)
        return {"sgd": "SGD", "momentum": f"SGD, momentum {MOMENTUM}", "adam": "Adam"}[self.optimizer]

    def optimizer_for(self, model: nn.Module, rate: float) -> Optimizer:
        """An optimizer of all that the model trains."""
        parameters = [each for each in model.parameters() if each.requires_grad]
        if self.make_optimizer is not None:
            return self.make_optimizer(parameters, rate)
        if self.optimizer == "adam":
            return torch.optim.Adam(parameters, lr=rate)
        return torch.optim.SGD(parameters, lr=rate, momentum=MOMENTUM if self.optimizer == "momentum" else 0.0)


def parse(values: dict[str, str]) -> dict[str, Any]:
    """Settings read from text; one number of seeds says how many. Errors: ValueError that names the setting."""
    kinds: dict[str, Setting] = {each.name: each.metadata["setting"] for each in fields(Settings) if each.metadata}
    read: dict[str, Any] = {}
    for name, text in values.items():
        if name not in kinds:
            raise ValueError(f"Unknown setting {name!r}. Settings: {', '.join(kinds)}.")
        try:
            read[name] = kinds[name].parse(text)
        except ValueError:
            raise ValueError(f"{name} must be {kinds[name].allowed}, got {text!r}.") from None
    if len(read.get("seeds", ())) == 1 and "," not in values["seeds"]:
        read["seeds"] = read["seeds"][0]
    return read
