"""Runs on a Dask cluster of two processes on this machine, beside the same without it; and Dask's ways to carry frames.

First: 10 kB, 20 times a second, from a worker to a client, by an actor that is asked, by a Dask queue, by events: how
long each is under way. Then runs at once, all at full speed: frames and steps a second of each, and of the slowest.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import threading
import time
from collections.abc import Callable
from typing import Any

from distributed import Client, LocalCluster, Queue, get_worker

from bnviz.config import RunConfig
from bnviz.serve.cluster import Cluster
from bnviz.serve.forked import NURSERY
from bnviz.serve.worker import Worker

FRAME = b"\0" * 10_000
PER_SECOND = 20


class Told:
    """An actor that has something to tell 20 times a second."""

    def __init__(self) -> None:
        self._next = time.time()

    async def read(self) -> tuple[float, bytes]:
        self._next = max(self._next + 1 / PER_SECOND, time.time() - 1)
        await asyncio.sleep(max(0.0, self._next - time.time()))
        return time.time(), FRAME


def by_actor(client: Any, count: int) -> list[float]:
    actor, took = client.submit(Told, actor=True, pure=False).result(), []
    for _ in range(count):
        said, _frame = actor.read().result()
        took.append(time.time() - said)
    return took


def _put(name: str, count: int) -> None:
    queue = Queue(name)
    for _ in range(count):
        time.sleep(1 / PER_SECOND)
        queue.put((time.time(), FRAME))


def by_queue(client: Any, count: int) -> list[float]:
    queue, took = Queue("frames", client=client), []
    told = client.submit(_put, "frames", count, pure=False)
    for _ in range(count):
        said, _frame = queue.get()
        took.append(time.time() - said)
    told.result()
    return took


def _log(topic: str, count: int) -> None:
    for _ in range(count):
        time.sleep(1 / PER_SECOND)
        get_worker().log_event(topic, (time.time(), FRAME))


def by_events(client: Any, count: int) -> list[float]:
    took: list[float] = []
    client.subscribe_topic("frames", lambda event: took.append(time.time() - event[1][0]))
    client.submit(_log, "frames", count, pure=False).result()
    time.sleep(0.5)  # the last are under way
    client.unsubscribe_topic("frames")
    return took


def at_once(make: Callable[[], Worker], count: int, seconds: float) -> tuple[float, float, float]:
    """Frames and steps a second of a run, and steps of the slowest; `runs.once` is for other checkouts as well."""
    config = RunConfig(depth=6, steps=1_000_000)
    workers = [make() for _ in range(count)]
    seen: list[list[int]] = [[] for _ in workers]

    def follow(worker: Worker, steps: list[int]) -> None:
        for item in worker.run(config):
            if isinstance(item, tuple):
                steps.append(item[0].step)

    threads = [threading.Thread(target=follow, args=pair, daemon=True) for pair in zip(workers, seen, strict=True)]
    for thread in threads:
        thread.start()
    while min(map(len, seen)) < 2:
        time.sleep(0.05)
    first = [(len(steps), steps[-1]) for steps in seen]
    time.sleep(seconds)
    last = [(len(steps), steps[-1]) for steps in seen]
    for worker, thread in zip(workers, threads, strict=True):
        worker.close()
        thread.join()
    frames = [(b[0] - a[0]) / seconds for a, b in zip(first, last, strict=True)]
    steps = [(b[1] - a[1]) / seconds for a, b in zip(first, last, strict=True)]
    return statistics.fmean(frames), statistics.fmean(steps), min(steps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, nargs="+", default=[1, 4, 20])
    parser.add_argument("--seconds", type=float, default=8.0)
    chosen = parser.parse_args()
    NURSERY.start()
    with LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster:
        print(f"{'delay, ms':>10} {'median':>8} {'95 %':>8}")
        with Client(cluster) as client:
            for name, way in {"actor": by_actor, "queue": by_queue, "events": by_events}.items():
                way(client, 10)  # what is set up once
                took = [1000 * each for each in way(client, 100)]
                print(
                    f"{name:>10} {statistics.median(took):>8.1f} {statistics.quantiles(took, n=20)[-1]:>8.1f}",
                    flush=True,
                )
        led = Cluster(cluster.scheduler_address)
        at_once(led.worker, 2, 1.0)  # the machines' nurseries are there
        print(f"{'runs':>5} {'':>8} {'frames/s':>9} {'steps/s':>8} {'slowest':>8}")
        for count in chosen.runs:
            for name, make in {"here": Worker, "cluster": led.worker}.items():
                frames, steps, slowest = at_once(make, count, chosen.seconds)
                print(f"{count:>5} {name:>8} {frames:>9.1f} {steps:>8.0f} {slowest:>8.0f}", flush=True)
        led.close()


if __name__ == "__main__":
    main()
