"""How fast a worker trains while it measures, over a bare PyTorch loop of the same two nets on the same batches.

Both in one run, interleaved, one thread each; the worker is a real child process whose frames are read and kept.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from torch import nn

from bnviz.config import RunConfig
from bnviz.datasets import load
from bnviz.hub import Hub
from bnviz.training import Trainer


def bare_loop(config: RunConfig, seconds: float) -> float:
    """Steps a second of a plain loop over plain nn.Sequential nets."""
    data = load(config.dataset)
    x, y = data.x_train.flatten(1), data.y_train
    models = Trainer(config).models.values()
    optimizers = [torch.optim.SGD(model.parameters(), lr=config.learning_rate) for model in models]
    steps, started = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds:
        for rows in torch.randperm(len(x)).split(config.batch_size)[: len(x) // config.batch_size]:
            for model, optimizer in zip(models, optimizers, strict=True):
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
                optimizer.step()
            steps += 1
    return steps / elapsed


def worker(hub: Hub, config: RunConfig, seconds: float) -> float:
    """Steps a second of a run in the hub."""
    run = hub.start(config, "benchmark")
    while run.step < 100:
        time.sleep(0.01)
    first, started = run.step, time.perf_counter()
    time.sleep(seconds)
    rate = (run.step - first) / (time.perf_counter() - started)
    hub.stop(run)
    while run.worker is not None:
        time.sleep(0.01)
    return rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    hub = Hub()
    hub.open()
    print(f"{'depth':>5} {'bare steps/s':>13} {'worker steps/s':>15} {'ratio (median of rounds)':>25}")
    try:
        for depth in (8, 20):
            config = RunConfig(depth=depth, steps=1_000_000)
            pairs = [
                (bare_loop(config, chosen.seconds), worker(hub, config, chosen.seconds)) for _ in range(chosen.rounds)
            ]
            bare, ours = (statistics.median(each) for each in zip(*pairs, strict=True))
            ratio = statistics.median(b / a for a, b in pairs)
            print(f"{depth:>5} {bare:>13.0f} {ours:>15.0f} {ratio:>25.2f}")
    finally:
        hub.close()


if __name__ == "__main__":
    main()
