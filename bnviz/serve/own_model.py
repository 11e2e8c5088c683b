"""The operator's own model, which the page then offers beside bnviz's nets."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bnviz.config import AS_IS, CATALOG, Arm, RunConfig
from bnviz.config.arm import own_arms

SECONDS = 120
"""A model that takes longer to be made is given up."""
RATE = 0.1
"""Where its runs start: a rate that many nets bear."""


@dataclass(frozen=True)
class OwnModel:
    """A factory of nets in a file of the operator's, and what it makes."""

    spec: str
    """`FILE.py:FUNCTION`, with the whole path."""
    kinds: tuple[str, ...]
    """Normalizations that the nets have as they are."""
    fits: tuple[str, ...]
    """Data sets at hand that they can learn."""
    problem: str
    """Why they cannot learn the first of the others; empty: they can learn all."""
    variants: Mapping[str, Mapping[str, tuple[str, ...]]]
    """For each normalization, what it takes to give it to them: `changes`, and what is `left` as it is."""

    @property
    def title(self) -> str:
        """As people call it."""
        path, _, name = self.spec.rpartition(":")
        return f"{name} ({Path(path).name})"

    @property
    def off(self) -> str:
        """What its networks are when their switch is off: without normalization; as they are, where they have none."""
        return "none" if self.kinds else AS_IS

    @property
    def arms(self) -> tuple[Arm, Arm]:
        """As it is, and with BatchNorm, or without where it has it."""
        return own_arms(self.kinds)

    def config(self, base: RunConfig) -> RunConfig:
        """The settings to start with, from those of a run of bnviz's own nets."""
        data = self.fits[0] if self.fits and base.dataset not in self.fits else base.dataset
        usual: dict[str, Any] = {"learning_rate": RATE} | CATALOG[data].usual | {"model": "own"}
        return replace(base, dataset=data, arms=self.arms, **usual)


def own_model(spec: str) -> OwnModel:
    """The model that `FILE.py:FUNCTION` names, made once in a process of its own: the server takes no torch.

    Errors: ValueError, in one sentence, for what makes no net.
    """
    path, colon, name = spec.rpartition(":")
    whole = f"{Path(path).resolve()}{colon}{name}" if colon else spec
    command = [sys.executable, "-m", "bnviz.training", whole]
    try:
        child = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise ValueError(f"{spec} took longer than {SECONDS} seconds to make a model.") from None
    lines = child.stdout.strip().splitlines()
    if child.returncode or not lines:
        told = child.stderr.strip().splitlines() or [f"its process ended with status {child.returncode}"]
        raise ValueError(told[-1])
    found = json.loads(lines[-1])  # the file may print
    return OwnModel(whole, tuple(found["kinds"]), tuple(found["fits"]), found["problem"], found["variants"])
