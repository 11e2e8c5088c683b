"""Many visitors come, start a run, flip BatchNorm and go: does the server become what it was before?

Each visitor is a page in headless Chromium with a session of its own, several at a time. Printed: how long each waited
for a first picture and for the flip's, what the server holds before, at most and after, and the processes left.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil
from playwright.async_api import Browser, async_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from bnviz.config import RunConfig
from bnviz.serve.hub import FORGET_SECONDS
from tests.browser.chromium import launch_options
from tests.support.server import Dashboard, dashboard

PLAYER = ".bnviz-player"
SEQ = f"Number(document.querySelector('{PLAYER}')?.dataset.seq)"
LINK = RunConfig(depth=6, steps=1_000_000).to_query()
RESTS = 90
"""Seconds after which nothing of the visitors may be left."""


def megabytes(server: Dashboard) -> float:
    """Of the server's own process, without what it shares with others (USS)."""
    return float(psutil.Process(server.process.pid).memory_full_info().uss) / 1e6


def health(server: Dashboard) -> dict[str, Any]:
    with urllib.request.urlopen(f"{server.url}/bnviz/health", timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


async def visit(browser: Browser, url: str, stay: float) -> tuple[float, float]:
    """Seconds to the first picture, and from the flip to a picture behind it."""
    context = await browser.new_context(viewport={"width": 1400, "height": 900})
    try:
        page, begun = await context.new_page(), time.monotonic()
        await page.goto(f"{url}/?{LINK}")
        await page.wait_for_function(f"() => {SEQ} >= 1", timeout=90_000)
        first = time.monotonic() - begun
        await page.wait_for_timeout(1000 * stay / 2)
        seq, begun = await page.evaluate(SEQ), time.monotonic()
        await page.locator(PLAYER).press("b")
        await page.wait_for_function(f"() => {SEQ} > {seq}", timeout=90_000)
        flipped = time.monotonic() - begun
        await page.wait_for_timeout(1000 * stay / 2)
        return first, flipped
    finally:
        await context.close()


async def come_and_go(server: Dashboard, count: int, at_once: int, minutes: float) -> None:
    """All visitors."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**launch_options())
        (alone, _), _ = await visit(browser, server.url, 2.0), await asyncio.sleep(RESTS)
        print(f"the first visitor waited {alone:.2f} s for a picture; the server rests at {megabytes(server):.0f} MB")
        begun, stay, most, found = time.monotonic(), 60 * minutes * at_once / count / 2, 0.0, []
        seats = asyncio.Semaphore(at_once)

        async def one() -> None:
            nonlocal most
            async with seats:
                found.append(await visit(browser, server.url, stay))
                most = max(most, megabytes(server))

        await asyncio.gather(*(one() for _ in range(count)))
        firsts = sorted(first for first, _ in found)
        flips = [flipped for _, flipped in found]
        print(
            f"{count} visitors, {at_once} at a time, in {(time.monotonic() - begun) / 60:.1f} min: first picture after "
            f"{statistics.median(firsts):.2f} s (worst {firsts[-1]:.2f}), flip {statistics.median(flips):.2f} s"
        )
        await asyncio.sleep(RESTS)
        left = f"{len(server.workers())} workers, {megabytes(server):.0f} MB (at most {most:.0f}), {health(server)}"
        print(f"{RESTS} s later {left}", flush=True)
        after = [(await visit(browser, server.url, 2.0))[0] for _ in range(3)]
        print(f"the next visitors waited {', '.join(f'{each:.2f}' for each in after)} s for a picture")
        await browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--minutes", type=float, default=5.0, help="within which they come and go")
    chosen = parser.parse_args()
    with dashboard() as server:
        time.sleep(10)  # the nursery has imported torch
        print(f"before: {megabytes(server):.0f} MB, {len(server.workers())} workers", flush=True)
        asyncio.run(come_and_go(server, chosen.visitors, chosen.at_once, chosen.minutes))
        time.sleep(FORGET_SECONDS + RESTS)  # nothing else tells that all are forgotten
        print(f"once their runs are forgotten: {megabytes(server):.0f} MB, {len(server.workers())} workers")


if __name__ == "__main__":
    main()
