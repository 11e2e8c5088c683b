"""What an audience costs: many real sockets on one run, which is trained at full speed and measured ten times a second.

Three processes: the server as it is (its routes and sockets, without the page), its worker, and all viewers together.
One viewer and many watch in turn, so that training speeds compare on a machine that is busy otherwise. The age of a
frame is the time from its arrival in the server to when a viewer has it in hand. Some of the many read slowly.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gzip
import json
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import psutil
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.support.server import workers_of

FRAMES = 10
"""Frames a second that are aimed at."""
COLUMNS = ("viewers", "age ms", "95 % ms", "frames/s", "slow f/s", "slow ms", "kB/frame", "server", "worker", "steps/s")
"""server, worker: cores in use."""
SLOW_READS = 1.0
"""Seconds that a slow viewer takes over a message."""


def serve_run(depth: int) -> None:
    """Serve one run, started anew with a cadence of about `FRAMES` a second; say where, and live until killed."""
    from serving import serve

    from bnviz.config import RunConfig

    async def begin(hub: Any) -> dict[str, Any]:
        trial = hub.start(RunConfig(depth=depth, steps=1_000_000), "benchmark")
        while trial.rate == 0 or trial.step < 200:
            await asyncio.sleep(0.1)
        every = max(1, round(trial.rate / FRAMES))
        hub.stop(trial)
        run = hub.start(RunConfig(depth=depth, steps=1_000_000, measure_every=every), "benchmark")
        while run.step == 0:
            await asyncio.sleep(0.1)
        return {"run": run.id, "control": run.control}

    serve(begin)


@dataclass
class Tally:
    """What one viewer saw."""

    slow: bool = False
    ages: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    size: int = 0


@lru_cache(8)
def header(message: bytes) -> dict[str, Any]:
    """A message unpacked; all viewers are sent the same bytes, and unpacking is not what is measured."""
    return json.loads(gzip.decompress(message))


async def watch(url: str, tally: Tally, until: float) -> None:
    """One viewer's socket, from now to a point in time."""
    small = socket.socket()
    if tally.slow:
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    small.setblocking(False)
    host, port = url.split("/")[2].split(":")
    await asyncio.get_running_loop().sock_connect(small, (host, int(port)))
    async with connect(url, sock=small, max_size=None, max_queue=1, compression=None, ping_interval=None) as ws:
        await ws.send(json.dumps({"view": {"stacked": True}}))
        seen = 0
        with contextlib.suppress(TimeoutError, ConnectionClosed):
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + until - time.time()):
                async for message in ws:
                    now, told = time.time(), header(message)
                    tally.size += len(message)
                    if told.get("step") and tally.steps[-1:] != [told["step"]]:
                        tally.ages.append(now - told["at"])
                        tally.steps.append(told["step"])
                    if tally.slow:
                        await asyncio.sleep(SLOW_READS)
                    seen += 1
                    await ws.send(f'{{"seen": {seen}}}')


async def crowd(url: str, count: int, slow: int, seconds: float) -> dict[str, Any]:
    """All viewers of one round: what they saw once all of them were there."""
    tallies = [Tally(slow=place < slow) for place in range(count)]
    settle = time.time() + 3 + count / 100
    watching = [asyncio.create_task(watch(url, tally, settle + seconds)) for tally in tallies]
    await asyncio.sleep(settle - time.time())
    print("settled", flush=True)
    for tally in tallies:
        tally.ages, tally.steps, tally.size = [], [], 0
    await asyncio.gather(*watching)
    quick = [tally for tally in tallies if not tally.slow]
    ages = sorted(age for tally in quick for age in tally.ages)
    cpu = sum(psutil.Process().cpu_times()[:2])
    return {
        "age": statistics.median(ages), "age95": ages[int(0.95 * len(ages))], "viewers_cpu": cpu,
        "frames": statistics.fmean(len(tally.ages) for tally in quick) / seconds,
        "slow_frames": statistics.fmean([len(tally.ages) for tally in tallies if tally.slow] or [0]) / seconds,
        "slow_age": statistics.median([age for tally in tallies if tally.slow for age in tally.ages] or [0]),
        "kB": sum(tally.size for tally in quick) / max(1, len(ages)) / 1000,
        "steps": statistics.median(tally.steps[-1] - tally.steps[0] for tally in quick) / seconds,
    }  # fmt: skip


def round_of(server: subprocess.Popen[str], where: dict[str, Any], count: int, slow: int, seconds: float) -> dict:
    """One round: viewers in a process of their own, and the server's share of a core meanwhile."""
    url = f"ws://127.0.0.1:{where['port']}/bnviz/run/{where['run']}/socket?audience&packed"
    command = [sys.executable, __file__, "--crowd", json.dumps([url, count, slow, seconds])]
    process = psutil.Process(server.pid)
    family = [process, *workers_of(server.pid)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as viewers:
        viewers.stdout.readline()
        before, start = [sum(each.cpu_times()[:2]) for each in family], time.monotonic()
        seen = json.loads(viewers.stdout.read())
        after, passed = [sum(each.cpu_times()[:2]) for each in family], time.monotonic() - start
        served, *trained = ((b - a) / passed for a, b in zip(before, after, strict=True))
        worker = max(trained)  # another may stand by
        return seen | {"server": served, "worker": worker, "steps_per_cpu": seen["steps"] / worker}


def compare(server: subprocess.Popen[str], chosen: argparse.Namespace) -> None:
    """Rounds with one viewer and with many, in turn."""
    where, found = json.loads(server.stdout.readline()), {1: [], chosen.viewers: []}
    print(" ".join(f"{column:>10}" for column in COLUMNS), flush=True)
    for count in (1, chosen.viewers) * chosen.rounds:
        row = round_of(server, where, count, chosen.slow if count > 1 else 0, chosen.seconds)
        found[count].append(row)
        cells = [row["age"] * 1e3, row["age95"] * 1e3, row["frames"], row["slow_frames"], row["slow_age"] * 1e3]
        cells += [row[name] for name in ("kB", "server", "worker", "steps")]
        print(f"{count:>10} " + " ".join(f"{cell:>10.2f}" for cell in cells), flush=True)
    print(f"training with {chosen.viewers} viewers, to training with one (medians):")
    for name, what in (("steps", "steps a second"), ("steps_per_cpu", "steps a second of its own processor time")):
        ratios = [many[name] / one[name] for one, many in zip(*found.values(), strict=True)]
        print(f"  {what}: {statistics.median(ratios):.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, default=200)
    parser.add_argument("--slow", type=int, default=10, help="how many of them read slowly")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--depth", type=int, default=8)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--crowd", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        serve_run(chosen.depth)
        return
    if chosen.crowd:
        print(json.dumps(asyncio.run(crowd(*json.loads(chosen.crowd)))))
        return
    command = [sys.executable, __file__, "--serve", "--depth", str(chosen.depth)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            compare(server, chosen)
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
