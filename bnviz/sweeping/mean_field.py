"""How deep a signal reaches through a wide tanh net at initialization (Schoenholz et al. 2017, arXiv 1611.01232).

Weights have variance weight_variance / width, biases are 0: the edge of chaos is at a weight variance of 1.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, log, pi, sqrt
from typing import Any

import numpy as np

NODES = np.linspace(-9, 9, 4001)
WEIGHTS = np.exp(-(NODES**2) / 2) / sqrt(2 * pi) * (NODES[1] - NODES[0])
"""Of a standard normal number: tanh of large weights is too steep for Gauss-Hermite quadrature."""
Values = np.ndarray[Any, np.dtype[np.float64]]
REACH = 6.0
"""Depth scales up to which a net can be trained, as they found in their experiments."""


def depth_scale(weight_variance: float) -> float:
    """Layers in which two inputs come nearer by a factor e to what they end as: together, or apart.

    Infinite at the edge of chaos. Errors: ValueError unless the variance is above 0.
    """
    if weight_variance <= 0:
        raise ValueError(f"weight_variance must be above 0, got {weight_variance!r}.")
    length = fixed_length(weight_variance)
    if weight_variance <= 1:  # ordered: inputs become one, and c* is 1
        slope = weight_variance * _mean(lambda z: _slope(sqrt(length) * z) ** 2)
    else:  # chaotic: without biases inputs end up at a right angle, and c* is 0
        slope = weight_variance * _mean(lambda z: _slope(sqrt(length) * z)) ** 2
    return inf if slope >= 1 else -1 / log(slope)


def fixed_length(weight_variance: float) -> float:
    """Mean square of what enters a unit, deep in the net (their q*); 0 up to the edge of chaos."""
    if weight_variance <= 1:
        return 0.0
    length = 1.0
    for _ in range(2000):
        length = weight_variance * float(WEIGHTS @ np.tanh(sqrt(length) * NODES) ** 2)
    return length


def _slope(z: Values) -> Values:
    return np.asarray(1 - np.tanh(z) ** 2)


def _mean(function: Callable[[Values], Values]) -> float:
    """Of a function of a standard normal number."""
    return float(WEIGHTS @ function(NODES))
