"""Many runs at once, each watched through a socket of its own: is everybody's picture moving?

The server as it is (routes and sockets, without the page), a worker for each run, and all viewers in this process. With
--beside, another checkout is measured in turn, so that two ways compare on a machine that is busy otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
from websockets.asyncio.client import connect

HERE = Path(__file__).resolve().parents[1]


def serve_runs(depth: int, count: int) -> None:
    """Serve so many runs; say where once all have begun, and live until killed."""
    from serving import serve

    from bnviz.config import RunConfig

    async def begin(hub: Any) -> dict[str, Any]:
        runs = [hub.start(RunConfig(depth=depth, steps=1_000_000, seed=seed), "benchmark") for seed in range(count)]
        while min(run.step for run in runs) < 20:
            await asyncio.sleep(0.1)
        return {"runs": [run.id for run in runs]}

    serve(begin)


async def watch(url: str, settle: float, until: float) -> tuple[list[float], int]:
    """When one viewer got a new picture, in seconds, and steps made meanwhile."""
    seen: list[tuple[float, int]] = []
    async with connect(url, max_size=None, compression=None, ping_interval=None) as socket:
        await socket.send(json.dumps({"view": {}}))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(until - time.monotonic()):
                async for message in socket:
                    step = json.loads(message)["step"]
                    if time.monotonic() > settle and (not seen or step != seen[-1][1]):
                        seen.append((time.monotonic(), step))
    return [at for at, _ in seen], seen[-1][1] - seen[0][1]


async def once(tree: Path, depth: int, count: int, seconds: float) -> dict[str, float]:
    """Pictures a second of the slowest, the median and the fastest run, the longest wait for one, and what it takes."""
    command = [sys.executable, __file__, "--serve", "--depth", str(depth), "--runs", str(count)]
    environment = {**os.environ, "PYTHONPATH": str(tree.resolve())}
    server = subprocess.Popen(command, env=environment, cwd=tree, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        told = json.loads(server.stdout.readline())
        settle = time.monotonic() + 5
        urls = [f"ws://127.0.0.1:{told['port']}/bnviz/run/{run}/socket" for run in told["runs"]]
        before = time.monotonic() + 5
        found = await asyncio.gather(*(watch(url, settle, before + seconds) for url in urls))
        workers = psutil.Process(server.pid).children(recursive=True)
        memory = sum(process.memory_full_info().pss for process in workers) / 1e6
    finally:
        server.kill()
        server.wait()
    rates = sorted(len(times) / seconds for times, _ in found)
    gaps = [max(b - a for a, b in itertools.pairwise(times)) for times, _ in found]
    return {
        "least": rates[0], "median": statistics.median(rates), "most": rates[-1], "wait": max(gaps),
        "steps": sum(steps for _, steps in found) / seconds, "memory": memory,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beside", type=Path, help="another checkout, measured in turn")
    parser.add_argument("--depth", type=int, default=8)
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        serve_runs(chosen.depth, chosen.runs)
        return
    trees = {"here": HERE, **({"beside": chosen.beside} if chosen.beside else {})}
    print(f"{'':>8} {'least/s':>8} {'median/s':>8} {'most/s':>8} {'wait s':>8} {'steps/s':>8} {'MB, all':>8}")
    for _ in range(chosen.rounds):
        for name, tree in trees.items():
            found = asyncio.run(once(tree, chosen.depth, chosen.runs, chosen.seconds))
            columns = ("least", "median", "most", "wait")
            print(f"{name:>8} " + " ".join(f"{found[column]:>8.2f}" for column in columns)
                  + f" {found['steps']:>8.0f} {found['memory']:>8.0f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
