"""Sizes of the treatments from before BatchNorm, as plain numbers: `bnviz.models.treatments` and scripts go by them."""

from __future__ import annotations

PRETRAINING = 300
"""Most steps that a shallow net trains before it grows."""


def thirds(depth: int) -> tuple[int, int]:
    """One and two thirds of the hidden layers, rounded, at least 1."""
    return max(1, round(depth / 3)), max(1, round(2 * depth / 3))


def pretraining_steps(steps: int) -> int:
    """Updates of the shallow net before it grows: a fifth of the run, at least 1, at most `PRETRAINING`."""
    return min(max(1, steps // 5), PRETRAINING)


def shallow_depth(depth: int) -> int:
    """Hidden layers of the net that trains first: a third of all, at least 1."""
    return thirds(depth)[0]
