"""What runs cost that train at full speed at once: frames and steps a second of each, and memory.

Each run is a worker process as the page has, whose frames are read and counted. With --beside, another checkout of
bnviz is measured in turn with this one, so that two ways of doing it compare on a machine that is busy otherwise.

With --alive: how long a further run takes to its first frame, and what it takes of the memory, while so many are there
and paused: workers forked from one process that has imported torch, and workers started each by itself.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).resolve().parents[1]


def once(depth: int, count: int, seconds: float) -> dict[str, float]:
    """Frames and steps a second of a run, and MB of a run (PSS), with `count` at once."""
    from bnviz.config import RunConfig
    from bnviz.serve.worker import Worker

    config = RunConfig(depth=depth, steps=1_000_000)
    workers = [Worker() for _ in range(count)]
    seen: list[list[int]] = [[] for _ in workers]

    def follow(worker: Any, steps: list[int]) -> None:
        for item in worker.run(config):
            if isinstance(item, tuple):
                steps.append(item[0].step)

    threads = [threading.Thread(target=follow, args=pair, daemon=True) for pair in zip(workers, seen, strict=True)]
    for thread in threads:
        thread.start()
    while min(map(len, seen)) < 5:
        time.sleep(0.01)
    first = [(len(steps), steps[-1]) for steps in seen]
    time.sleep(seconds)
    last = [(len(steps), steps[-1]) for steps in seen]
    memory = sum(_pss(process) for worker in workers for process in _family(worker.pid)) / count
    for worker, thread in zip(workers, threads, strict=True):
        worker.close()
        thread.join()  # or it may still be reading Arrow while Python ends, which aborts the process
    frames = statistics.fmean((b[0] - a[0]) / seconds for a, b in zip(first, last, strict=True))
    steps = statistics.fmean((b[1] - a[1]) / seconds for a, b in zip(first, last, strict=True))
    return {"frames": frames, "steps": steps, "memory": memory}


def alive(count: int, forked: bool) -> dict[str, float]:
    """Milliseconds from asking for a run to its first frame, and MB (PSS): of the last run, and of all together."""
    from bnviz.config import RunConfig
    from bnviz.serve.forked import NURSERY
    from bnviz.serve.worker import Worker

    config = RunConfig(depth=6, steps=1_000_000)
    if forked:
        NURSERY.start()
        time.sleep(8)  # it has imported torch, as that of a server has
    workers, took, threads = [], [], []

    def follow(items: Any, first: threading.Event) -> None:
        for item in items:
            if isinstance(item, tuple):
                first.set()

    for _ in range(count):
        first, began = threading.Event(), time.perf_counter()
        workers.append(Worker(forked))
        threads.append(threading.Thread(target=follow, args=(workers[-1].run(config), first), daemon=True))
        threads[-1].start()
        first.wait(120)
        took.append(1000 * (time.perf_counter() - began))
        time.sleep(0.5)  # some steps more, whose memory counts
        workers[-1].send("pause")
    time.sleep(2)  # all have paused
    last = sum(map(_pss, _family(workers[-1].pid)))
    every = sum(map(_pss, psutil.Process().children(recursive=True)))  # whom they are forked from as well
    for worker, thread in zip(workers, threads, strict=True):
        worker.close()
        thread.join()
    later = sorted(took[1:] or took)
    return {"first": later[len(later) // 2], "worst": later[-1], "memory": last, "all": every}


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _pss(process: psutil.Process) -> float:
    return float(process.memory_full_info().pss) / 1e6


def _elsewhere(tree: Path, given: list[Any]) -> dict[str, float]:
    """What a process of its own finds, with the bnviz of this checkout."""
    command = [sys.executable, __file__, "--once", json.dumps(given)]
    environment = {**os.environ, "PYTHONPATH": str(tree.resolve())}
    output = subprocess.run(command, env=environment, cwd=tree, capture_output=True, check=True).stdout
    found: dict[str, float] = json.loads(output)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beside", type=Path, help="another checkout, measured in turn")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--depths", type=int, nargs="+", default=[8, 20])
    parser.add_argument("--runs", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--alive", type=int, nargs="*", help="so many, as 1 10 40, instead of how fast they are")
    parser.add_argument("--ways", nargs="+", choices=("forked", "started"), default=["forked", "started"])
    parser.add_argument("--once", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.once:
        given = json.loads(chosen.once)
        print(json.dumps(once(*given) if len(given) > 2 else alive(*given)))
        return
    if chosen.alive:
        print(f"{'alive':>5} {'':>8} {'first frame, ms':>15} {'worst':>6} {'MB of one':>10} {'MB of all':>10}")
        for count in chosen.alive:
            for way in chosen.ways:
                found = _elsewhere(HERE, [count, way == "forked"])
                first, worst, memory, every = (found[key] for key in ("first", "worst", "memory", "all"))
                print(f"{count:>5} {way:>8} {first:>15.0f} {worst:>6.0f} {memory:>10.0f} {every:>10.0f}", flush=True)
        return
    trees = {"here": HERE, **({"beside": chosen.beside} if chosen.beside else {})}
    print(f"{'depth':>5} {'runs':>4} {'':>8} {'frames/s':>9} {'steps/s':>8} {'MB a run':>9}   (medians, of one run)")
    for depth in chosen.depths:
        for count in chosen.runs:
            rows_of: dict[str, list[dict[str, float]]] = {name: [] for name in trees}
            for _ in range(chosen.rounds):
                for name, tree in trees.items():
                    rows_of[name].append(_elsewhere(tree, [depth, count, chosen.seconds]))
            for name, rows in rows_of.items():
                frames, steps, memory = (statistics.median(row[key] for row in rows) for key in rows[0])
                print(f"{depth:>5} {count:>4} {name:>8} {frames:>9.1f} {steps:>8.0f} {memory:>9.0f}", flush=True)


if __name__ == "__main__":
    main()
