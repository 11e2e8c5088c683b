"""A long time of one visible run with watchers: does memory stay flat, and the picture as quick as at the start?

The page is looked at in headless Chromium; the watchers are sockets of the same run, which read all they are sent.
Memory of the page is what is left after collecting garbage. Slopes leave out the first fifth, in which history fills.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import Page, sync_playwright
from websockets.exceptions import ConnectionClosed

sys.path.insert(0, str(Path(__file__).parents[1]))
from bnviz.config import RunConfig
from tests.browser.chromium import launch_options
from tests.browser.conftest import HARMLESS, PLAYER, number, opened
from tests.support.server import Dashboard, dashboard, watch

EVERY = 20.0
"""Seconds from one look to the next."""


@dataclass
class Look:
    minute: float
    server: float  # MB
    worker: float  # MB
    page: float  # MB
    pictures: float  # a second
    steps: float  # a second


def megabytes(process: psutil.Process) -> float:
    return float(process.memory_full_info().uss) / 1e6  # PSS changes with whoever else shares pages


def read_on(server: Dashboard, run: str, counts: list[int], place: int) -> None:
    with suppress(ConnectionClosed), watch(server, run) as socket:  # until the server ends
        socket.send('{"view": {}}')
        for _ in socket:
            counts[place] += 1


def looks(page: Page, server: Dashboard, minutes: float) -> list[Look]:
    found, begun = [], time.monotonic()
    devtools = page.context.new_cdp_session(page)
    (worker,) = [each for each in server.workers() if each.cpu_times().user > 5]
    server_process = psutil.Process(server.process.pid)
    print(f"{'minute':>8}{'server MB':>10}{'worker MB':>10}{'page MB':>10}{'pictures/s':>11}{'steps/s':>9}")
    while time.monotonic() - begun < 60 * minutes:
        at, seq, step = time.monotonic(), number(page, "seq"), number(page, "step")
        page.wait_for_timeout(1000 * EVERY)
        took, seqs, steps = time.monotonic() - at, number(page, "seq") - seq, number(page, "step") - step
        devtools.send("HeapProfiler.collectGarbage")
        heap = devtools.send("Runtime.getHeapUsage")["usedSize"] / 1e6
        minute = (time.monotonic() - begun) / 60
        look = Look(minute, megabytes(server_process), megabytes(worker), heap, seqs / took, steps / took)
        found.append(look)
        print(f"{look.minute:8.1f}{look.server:10.1f}{look.worker:10.1f}{look.page:10.1f}{look.pictures:11.2f}"
              f"{look.steps:9.0f}", flush=True)  # fmt: skip
    return found


def summed_up(found: list[Look]) -> None:
    table = np.array([astuple(look) for look in found])
    late = table[len(table) // 5 :]
    for name, column in (("server", 1), ("worker", 2), ("page", 3)):
        slope = np.polyfit(late[:, 0], late[:, column], 1)[0]
        print(f"{name}: {slope:+.3f} MB a minute, {table[0, column]:.1f} to {table[-1, column]:.1f} MB")
    tenth, rate = max(1, len(table) // 10), table[:, 4]
    print(f"pictures a second, at the end over at the start: {rate[-tenth:].mean() / rate[:tenth].mean():.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--watchers", type=int, default=5)
    parser.add_argument("--depth", type=int, default=6)
    chosen = parser.parse_args()
    with dashboard() as server, sync_playwright() as playwright:
        page = playwright.chromium.launch(**launch_options()).new_page(viewport={"width": 1400, "height": 900})
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        opened(page, f"{server.url}/?{RunConfig(depth=chosen.depth, steps=1_000_000).to_query()}")
        run = page.locator(PLAYER).get_attribute("data-run") or ""
        counts = [0] * chosen.watchers
        for place in range(chosen.watchers):
            threading.Thread(target=read_on, args=(server, run, counts, place), daemon=True).start()
        page.wait_for_timeout(15_000)
        summed_up(looks(page, server, chosen.minutes))
        said = [text for text in said if not text.startswith(HARMLESS)]
        print(f"the watchers were sent {counts} pictures; on the console {said or 'nothing'}")


if __name__ == "__main__":
    main()
