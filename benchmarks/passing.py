"""Where a host hides our own addresses: how soon the page notices, and how many pictures a second it then shows.

nginx passes on Streamlit's addresses alone, and answers at all others with 404, or with the page. Printed only.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from bnviz.config import RunConfig
from tests.browser.chromium import launch_options
from tests.support.nginx import WITH_404, WITH_THE_PAGE, free_port, hiding, nginx
from tests.support.server import dashboard

NOTICED = "() => document.querySelector('.bnviz-foot')?.textContent.includes('by way of the page') && performance.now()"
MOUNTED = "() => document.querySelector('.bnviz-player .bnviz-toolbar') && performance.now()"
SEQ = "Number(document.querySelector('.bnviz-player').dataset.seq)"


def measure(page: Page, url: str, seconds: int) -> tuple[float, float, float]:
    """Seconds from the component's start to the notice, and to the first picture; pictures a second."""
    page.goto(url)
    began = page.wait_for_function(MOUNTED, timeout=120_000).json_value()
    noticed = page.wait_for_function(NOTICED, timeout=120_000).json_value()
    drawn = page.wait_for_function(f"() => {SEQ} > 0 && performance.now()", timeout=120_000).json_value()
    page.wait_for_timeout(2000)
    first, at = page.evaluate(f"[{SEQ}, performance.now()]")
    page.wait_for_timeout(1000 * seconds)
    last, then = page.evaluate(f"[{SEQ}, performance.now()]")
    return (noticed - began) / 1000, (drawn - began) / 1000, (last - first) / ((then - at) / 1000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--depth", type=int, nargs="+", default=[6, 20])
    chosen = parser.parse_args()
    print(f"{'depth':>5} {'host answers':>14} {'noticed, s':>11} {'first picture, s':>17} {'a second':>9}")
    with dashboard() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        for depth in chosen.depth:
            for name, answer in (("404", WITH_404), ("the page", WITH_THE_PAGE)):
                port = free_port()
                with nginx(hiding(answer, port, server.url.rpartition(":")[2]), port):
                    page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
                    query = RunConfig(depth=depth, steps=1_000_000).to_query()
                    noticed, drawn, rate = measure(page, f"http://127.0.0.1:{port}/?{query}", chosen.seconds)
                    page.context.close()
                print(f"{depth:>5} {name:>14} {noticed:>11.1f} {drawn:>17.1f} {rate:>9.1f}", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
