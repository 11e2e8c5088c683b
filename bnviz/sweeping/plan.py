"""What a sweep is to run: a config for each combination of settings, and each seed."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from bnviz.config import SETTINGS, RunConfig
from bnviz.config.settings import Whole

MOST_RUNS = 100_000
MOST_VALUES = 1000
"""Of one axis."""
NO_AXES = ("seed", "arms")
"""Seeds are a matter of their own, and the arms of a run are what is compared at each place."""


@dataclass(frozen=True)
class Cell:
    """One run of a sweep."""

    place: tuple[tuple[str, Any], ...]
    """Names and values of the settings that are swept."""
    config: RunConfig

    @property
    def key(self) -> str:
        """What its files are called: the same config has the same name in every sweep."""
        return hashlib.sha256(self.config.to_query().encode()).hexdigest()[:20]


def cells(base: RunConfig, grid: Mapping[str, Sequence[object]], seeds: int | Iterable[int]) -> tuple[Cell, ...]:
    """All runs, the seeds of a place one after the other, the last axis changing fastest.

    grid: values by the name of a setting, as themselves or as text. seeds: how many, from the base's on, or which.
    Errors: ValueError that names the setting, the value and what is allowed.
    """
    axes = {name: _values(base, name, values) for name, values in grid.items()}
    chosen = range(base.seed, base.seed + seeds) if isinstance(seeds, int) else tuple(seeds)
    if not len(chosen) or len(set(chosen)) < len(chosen):
        raise ValueError(f"seeds must be how many, at least 1, or different whole numbers, got {seeds!r}.")
    count = math.prod(map(len, axes.values())) * len(chosen)
    if count > MOST_RUNS:
        raise ValueError(f"These would be {count:,} runs; a sweep takes up to {MOST_RUNS:,}.")
    found = []
    for values in product(*axes.values()):
        place = dict(zip(axes, values, strict=True))
        there = replace(base, **place)
        found += [Cell(tuple(place.items()), replace(there, seed=seed)) for seed in chosen]
    return tuple(found)


def _values(base: RunConfig, name: str, values: Sequence[object]) -> tuple[Any, ...]:
    if name not in SETTINGS or name in NO_AXES:
        allowed = ", ".join(each for each in SETTINGS if each not in NO_AXES)
        raise ValueError(f"A sweep goes over {allowed}, got {name!r}.")
    if isinstance(values, str) or not 1 <= len(values) <= MOST_VALUES:
        raise ValueError(f"{name} must have 1 to {MOST_VALUES} values, as a list, got {values!r}.")
    found = tuple(getattr(RunConfig.from_dict({name: str(value)}, base), name) for value in values)
    if len(set(found)) < len(found):
        raise ValueError(f"Each value of {name} must be there once, got {', '.join(map(str, found))}.")
    return found


def axis(text: str) -> tuple[str, tuple[str, ...]]:
    """An axis as the command takes it: `NAME=A,B,C`, `NAME=A..B:N` (N values, evenly apart) or `NAME=A..B:logN`.

    Errors: ValueError that says so.
    """
    name, equals, given = text.partition("=")
    if not equals or not given.strip():
        raise ValueError(f"An axis is NAME=A,B,C or NAME=A..B:N or NAME=A..B:logN, got {text!r}.")
    if ".." not in given:
        return name.strip(), tuple(value.strip() for value in given.split(","))
    ends, _, steps = given.partition(":")
    logarithmic = steps.startswith("log")
    try:
        low, high = map(float, ends.split(".."))
        count = int(steps.removeprefix("log"))
        if not (2 <= count <= MOST_VALUES and math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError
        if logarithmic and low <= 0:
            raise ValueError
    except ValueError:
        raise ValueError(
            f"A range is A..B:N or A..B:logN with A below B, A above 0 for log, and 2 to {MOST_VALUES} values, "
            f"got {text!r}."
        ) from None
    values = np.geomspace(low, high, count) if logarithmic else np.linspace(low, high, count)
    return name.strip(), tuple(_shortest(value, SETTINGS.get(name.strip())) for value in values)


def _shortest(value: float, setting: object) -> str:
    """Four digits are enough of a value that nobody has written out; whole where the setting is."""
    return str(round(value)) if isinstance(setting, Whole) else f"{value:.4g}"


@dataclass(frozen=True)
class Plan:
    """A sweep as it is asked for, in a form that travels: see `cells` for what the fields mean, and for errors."""

    base: RunConfig
    grid: tuple[tuple[str, tuple[Any, ...]], ...]
    seeds: int

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """All runs."""
        return cells(self.base, dict(self.grid), self.seeds)

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the settings that are swept."""
        return tuple(name for name, _ in self.grid)

    def to_json(self) -> str:
        """In one line."""
        return json.dumps({"base": self.base.to_query(), "grid": dict(self.grid), "seeds": self.seeds})

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """What `to_json` has written. Errors: ValueError, KeyError, TypeError."""
        told = json.loads(text)
        grid = tuple((name, tuple(values)) for name, values in told["grid"].items())
        return cls(RunConfig.from_query(told["base"]), grid, told["seeds"])
