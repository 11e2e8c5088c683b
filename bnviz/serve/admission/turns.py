"""Cores that are shared: who trains for how much of the time.

No conductor gives out turns: each worker is told its share when that changes, and keeps to it (`bnviz.serve.pace`).
"""

from __future__ import annotations

from collections.abc import Sequence


def shares(weights: Sequence[float], cores: float) -> list[float]:
    """The share of a core for each: in proportion to its weight, one core at most, all cores together.

    weights: above 0.
    """
    found, left = [0.0] * len(weights), float(sum(weights))
    for place in sorted(range(len(weights)), key=lambda place: -weights[place]):  # who gets a whole core comes first
        found[place] = min(1.0, cores * weights[place] / left)
        cores, left = cores - found[place], left - weights[place]
    return found
