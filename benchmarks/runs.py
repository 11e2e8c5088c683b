"""What runs cost that train at full speed at once: frames and steps a second of each, and memory.

Each run is a worker process as the page has, whose frames are read and counted. With --beside, another checkout of
bnviz is measured in turn with this one, so that two ways of doing it compare on a machine that is busy otherwise.
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


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _pss(process: psutil.Process) -> float:
    return float(process.memory_full_info().pss) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beside", type=Path, help="another checkout, measured in turn")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--depths", type=int, nargs="+", default=[8, 20])
    parser.add_argument("--runs", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--once", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.once:
        print(json.dumps(once(*json.loads(chosen.once))))
        return
    trees = {"here": HERE, **({"beside": chosen.beside} if chosen.beside else {})}
    print(f"{'depth':>5} {'runs':>4} {'':>8} {'frames/s':>9} {'steps/s':>8} {'MB a run':>9}   (medians, of one run)")
    for depth in chosen.depths:
        for count in chosen.runs:
            found: dict[str, list[dict[str, float]]] = {name: [] for name in trees}
            for _ in range(chosen.rounds):
                for name, tree in trees.items():
                    command = [sys.executable, __file__, "--once", json.dumps([depth, count, chosen.seconds])]
                    environment = {**os.environ, "PYTHONPATH": str(tree.resolve())}
                    output = subprocess.run(command, env=environment, cwd=tree, capture_output=True, check=True).stdout
                    found[name].append(json.loads(output))
            for name, rows in found.items():
                frames, steps, memory = (statistics.median(row[key] for row in rows) for key in rows[0])
                print(f"{depth:>5} {count:>4} {name:>8} {frames:>9.1f} {steps:>8.0f} {memory:>9.0f}", flush=True)


if __name__ == "__main__":
    main()
