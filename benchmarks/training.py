"""How fast a worker trains while it measures, over a bare PyTorch loop of the same two nets on the same batches.

Both in one run, interleaved, one thread each; the worker is a real child process whose frames are read and kept.
The last column is the same by processor time: that of a bare step over that of the worker a step. What is missing from
1 is what measuring every tenth step takes.
"""

from __future__ import annotations

import argparse
import statistics
import time

import psutil
import torch
from torch import nn

from bnviz.config import RunConfig
from bnviz.data import load
from bnviz.serve.hub import Hub
from bnviz.training import Trainer


def bare_loop(config: RunConfig, seconds: float) -> tuple[float, float]:
    """Steps a second of a plain loop over plain nn.Sequential nets, and processor seconds a step."""
    data = load(config.dataset)
    x, y = data.x_train.flatten(1), data.y_train
    models = Trainer(config).models.values()
    optimizers = [torch.optim.SGD(model.parameters(), lr=config.learning_rate) for model in models]
    steps, started, used = 0, time.perf_counter(), time.thread_time()
    while (elapsed := time.perf_counter() - started) < seconds:
        for rows in torch.randperm(len(x)).split(config.batch_size)[: len(x) // config.batch_size]:
            for model, optimizer in zip(models, optimizers, strict=True):
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
                optimizer.step()
            steps += 1
    return steps / elapsed, (time.thread_time() - used) / steps


def worker(hub: Hub, config: RunConfig, seconds: float) -> tuple[float, float]:
    """Steps a second of a run in the hub, and processor seconds a step of its process."""
    run = hub.start(config, "benchmark")
    while run.step < 100:
        time.sleep(0.01)
    assert run.worker is not None
    process = psutil.Process(run.worker.pid)
    first, started, used = run.step, time.perf_counter(), sum(process.cpu_times()[:2])
    time.sleep(seconds)
    steps, elapsed = run.step - first, time.perf_counter() - started
    used = sum(process.cpu_times()[:2]) - used
    hub.stop(run)
    while run.worker is not None:
        time.sleep(0.01)
    return steps / elapsed, used / steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    hub = Hub()
    hub.open()
    print(f"{'depth':>5} {'bare steps/s':>13} {'worker steps/s':>15} {'ratio':>6} {'by processor time':>18}  (medians)")
    try:
        for depth in (8, 20):
            config = RunConfig(depth=depth, steps=1_000_000)
            pairs = [
                (bare_loop(config, chosen.seconds), worker(hub, config, chosen.seconds)) for _ in range(chosen.rounds)
            ]
            bare, ours = (statistics.median(each[0] for each in column) for column in zip(*pairs, strict=True))
            ratio = statistics.median(b[0] / a[0] for a, b in pairs)
            bound = statistics.median(a[1] / b[1] for a, b in pairs)
            print(f"{depth:>5} {bare:>13.0f} {ours:>15.0f} {ratio:>6.2f} {bound:>18.2f}")
    finally:
        hub.close()


if __name__ == "__main__":
    main()
