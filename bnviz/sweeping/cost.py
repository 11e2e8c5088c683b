"""How long a sweep is going to take, from a few of its runs begun and timed."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch

from bnviz.config import RunConfig
from bnviz.sweeping.plan import Cell
from bnviz.training import Trainer, record

TIMED = 4
"""Runs that are begun, from the smallest to the largest."""
LONGEST = 1.5
"""Seconds for each."""
STARTING = 3.0
"""Seconds that processes take to be there."""


def seconds(cells: Sequence[Cell], processes: int) -> float:
    """How long these take, on so many processes that have a core each."""
    configs = sorted({cell.place: cell.config for cell in cells}.values(), key=_size)
    chosen = [configs[place] for place in sorted({*np.linspace(0, len(configs) - 1, TIMED).round().astype(int)})]
    Trainer(chosen[0])  # what is imported and read once
    sizes, took = [_size(config) for config in chosen], np.array([_timed(config) for config in chosen])
    each = np.array([np.interp(_size(cell.config), sizes, took[:, 0]) for cell in cells])
    steps = np.array([np.interp(_size(cell.config), sizes, took[:, 1]) * cell.config.steps for cell in cells])
    return STARTING + float((each + steps).sum()) / min(processes, len(cells))


def _size(config: RunConfig) -> float:
    """What grows with the time that a step takes; runs alike in it take about as long."""
    samples = min(config.batch_size, config.data.samples)
    return float(samples * len(config.arms) * config.depth * config.width * (config.width + 64))


def _timed(config: RunConfig) -> tuple[float, float]:
    """Seconds until a run begins, and for each of its steps, measuring as often as it does."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    began = time.perf_counter()
    trainer = Trainer(config)
    begun = until = time.perf_counter()
    for _ in record(trainer):
        until = time.perf_counter()
        if trainer.step_count > 2 * config.measure_every or until - begun > LONGEST:
            break
    torch.set_num_threads(threads)
    return begun - began, (until - begun) / max(1, trainer.step_count)
