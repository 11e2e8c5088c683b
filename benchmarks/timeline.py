"""How soon the page shows the step that the timeline is dragged to, while training goes on; printed, not asserted.

The slider is dragged by the mouse in headless Chromium, a little every 300 ms, through a run of a given depth with two
networks that is trained meanwhile. Taken is the time from the mouse's event in the page to the animation frame in which
`data-step` is the step that the server has for that place and every chart over steps has its line there (charts by
layer are drawn in the same go); and to the one in which the sentence has changed too, where it changes.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from bnviz.config import RunConfig
from tests.browser.chromium import launch_options
from tests.browser.conftest import grown, opened
from tests.support.server import dashboard

WATCH = """() => {
  const root = document.querySelector('.bnviz-player'), slider = root.querySelector('.bnviz-timeline input');
  const plots = () => [...root.querySelectorAll('.js-plotly-plot')].filter((plot) => plot.layout?.yaxis2);
  window.took = [];
  let wanted = null;
  slider.addEventListener('input', ({ timeStamp }) => { wanted ??= { timeStamp, from: root.dataset.step }; });
  const frame = () => {
    const step = root.dataset.step;
    const there = () => plots().every((plot) => plot._fullData.at(-1).x[0] === Number(step));
    if (wanted && step !== wanted.from && there()) {
      window.took.push(performance.now() - wanted.timeStamp);
      wanted = null;
    }
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drags", type=int, default=60)
    parser.add_argument("--until", type=int, default=600, help="steps trained before")
    parser.add_argument("--depths", type=int, nargs="+", default=[6, 20])
    parser.add_argument("--tabs", nargs="+", default=["layers", "time", "landscape", "modes", "updates"])
    chosen = parser.parse_args()
    print(f"{'from the drag to the charts, ms':34}{'median':>8}{'95 %':>8}{'worst':>8}{'steps/s':>9}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        for depth in chosen.depths:
            config = RunConfig(depth=depth, steps=1_000_000, landscape="0.5-4")
            with dashboard() as server:
                page = opened(
                    browser.new_page(viewport={"width": 1400, "height": 900}), f"{server.url}/?{config.to_query()}"
                )
                grown(page, "step", chosen.until, 300)
                for tab in chosen.tabs:
                    page.click(f"[data-tab={tab}]")
                    page.wait_for_timeout(1500)
                    took, rate = dragged(page, chosen.drags)
                    ninth = statistics.quantiles(took, n=20)[-1]
                    name = f"depth {depth}, {tab}"
                    print(f"{name:34}{statistics.median(took):8.0f}{ninth:8.0f}{max(took):8.0f}{rate:9.0f}", flush=True)
        browser.close()


def dragged(page: Page, drags: int) -> tuple[list[float], float]:
    """Milliseconds from each drag to its charts; and the steps trained a second meanwhile."""
    page.evaluate(WATCH)
    box = page.locator(".bnviz-timeline input").bounding_box()
    assert box is not None
    y, width = box["y"] + box["height"] / 2, box["width"]
    newest = "() => Number(document.querySelector('.bnviz-timeline input').max)"
    first, begun = page.evaluate(newest), page.evaluate("performance.now()")
    page.mouse.move(box["x"] + 0.9 * width, y)
    page.mouse.down()
    for drag in range(drags):
        page.mouse.move(box["x"] + width * (0.1 + 0.7 * (drag * 0.37 % 1)), y)
        page.wait_for_timeout(300)
    page.wait_for_timeout(500)
    page.mouse.up()
    rate = (page.evaluate(newest) - first) / (page.evaluate("performance.now()") - begun) * 1000
    found: list[float] = page.evaluate("window.took")
    page.get_by_role("button", name="Live", exact=True).click()
    return found, rate


if __name__ == "__main__":
    main()
