"""Runs a minute of a sweep on one process, two, and a Dask cluster of two workers, over a plain loop over `train`.

All in turn, in one go; what it takes to start processes or a cluster counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from distributed import Client, LocalCluster

from bnviz import RunConfig, sweep, train
from bnviz.sweeping.plan import cells


def loop(base: RunConfig, grid: dict[str, list[float]], seeds: int) -> None:
    torch.set_num_threads(1)
    for cell in cells(base, grid, seeds):
        for _ in train(cell.config):
            pass


def on_dask(base: RunConfig, grid: dict[str, list[float]], seeds: int) -> None:
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None)
    with cluster, Client(cluster) as client:
        sweep(base, grid, seeds=seeds, executor=client.get_executor(), progress=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=6)
    chosen = parser.parse_args()
    base, grid = RunConfig(width=32, steps=chosen.steps), {"depth": [2, 6], "learning_rate": [0.1, 1.0]}
    count = 4 * chosen.seeds
    ways: dict[str, Callable[[], object]] = {
        "plain loop": lambda: loop(base, grid, chosen.seeds),
        "1 process": lambda: sweep(base, grid, seeds=chosen.seeds, jobs=1, progress=False),
        "2 processes": lambda: sweep(base, grid, seeds=chosen.seeds, jobs=2, progress=False),
        "Dask, 2 workers": lambda: on_dask(base, grid, chosen.seeds),
    }
    loop(base, {}, 1)  # what is imported and loaded once
    print(f"{'runs a minute':>16} {'':>8} {'over the loop':>14}")
    for _ in range(chosen.rounds):
        took = {}
        for name, way in ways.items():
            began = time.monotonic()
            way()
            took[name] = time.monotonic() - began
            print(f"{name:>16} {60 * count / took[name]:>8.1f} {took['plain loop'] / took[name]:>14.2f}", flush=True)


if __name__ == "__main__":
    main()
