"""How much memory a run's worker is going to take, from its settings alone."""

from __future__ import annotations

from math import prod

from bnviz.config import RunConfig
from bnviz.serve.forked import FORKS

WORKER = 120_000_000 if FORKS else 300_000_000
"""A worker with small networks: torch and what it brings, which forked ones share."""
OF_WEIGHTS = 8
"""Floats that are held for each weight: itself and its gradient, before and after the step, G and G', what the
optimizer remembers, and what is worked out from them."""
OF_UNITS = 11
"""Floats that are held for each unit and sample of a batch while a step is made, and looked at."""
FLOAT = 4


def estimate(config: RunConfig) -> int:
    """Bytes, about; of a model of somebody's own only what is known, the data."""
    data = config.data
    batch = min(config.batch_size, data.samples)
    held = 2 * (data.samples + data.tests) * prod(data.shape)
    if config.model != "own":
        weights, units = _convolutional(config) if config.model == "cnn" else _fully_connected(config)
        held += len(config.arms) * (OF_WEIGHTS * weights + OF_UNITS * units * batch)
        held += 3 * units // config.depth * (batch + data.tests)  # what goes through a layer when it is evaluated
    return WORKER + FLOAT * held


def _fully_connected(config: RunConfig) -> tuple[int, int]:
    """Weights, and units of all hidden layers."""
    ends = prod(config.data.shape) + config.data.outputs
    return config.width * (ends + (config.depth - 1) * config.width), config.depth * config.width


def _convolutional(config: RunConfig) -> tuple[int, int]:
    """Weights, and units of all maps; the maps shrink as `bnviz.models.make_cnn` lets them."""
    channels, *size = config.data.shape
    poolings = min(max(0, min(size).bit_length() - 2), config.depth)
    pooled = {-(-config.depth * k // poolings) for k in range(1, poolings + 1)}
    area, units = prod(size), 0
    for layer in range(1, config.depth + 1):
        units += config.width * area
        area //= 4 if layer in pooled else 1
    return 9 * config.width * (channels + (config.depth - 1) * config.width), units
