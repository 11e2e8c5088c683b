"""Make the pictures of published sweeps in assets/ anew: train them, for a quarter of an hour, and draw them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bnviz import sweep  # noqa: E402
from bnviz.sweeping.published import PUBLISHED  # noqa: E402
from tests.browser.chromium import launch_options  # noqa: E402

WIDTH, HEIGHT = 1100, 430


def main() -> None:
    """Say of each whether it came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="keeps the runs: an interrupted one goes on from there")
    folder = parser.parse_args().folder
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        for name, each in PUBLISHED.items():
            plan = each.plan
            found = sweep(plan.base, dict(plan.grid), seeds=plan.seeds, keep="summary", out=folder / name)
            came, told = each.judge(found)
            print(f"{name}: {'as published' if came else 'NOT as published'}. {told}")
            page.set_content(each.figure(found).to_html(config={"displayModeBar": False}, include_plotlyjs=True))
            page.wait_for_selector(".heatmaplayer .hm")
            page.screenshot(path=ROOT / "assets" / f"sweep-{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
