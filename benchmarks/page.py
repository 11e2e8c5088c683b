"""What somebody at the page sees of its speed, in headless Chromium on this machine; printed, not asserted.

updates: chart updates a second at depth 20, two networks, all charts, training at full speed: of our page and of
  benchmarks/naive_page.py, the straightforward Streamlit page (`st.fragment` and `st.plotly_chart`) of the same charts,
  one after the other, each with a server and a Chromium of its own, both with our server's options. Both are looked at
  once every animation frame: only what a frame has painted counts. Ours draws the charts by layer with every update,
  and those over steps less often, which has a row of its own; the peer draws all of them each time.
open: from opening the page on a running server to the first picture; each time with an empty cache, and a run anew.
change: from the key pressed on the depth slider to the first frame of the new run in the browser, and to its picture.
memory: of the server and of its workers over a long run at depth 20, which a viewer without a browser watches.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from bnviz.config import RunConfig
from tests.browser.chromium import launch_options
from tests.support.server import Dashboard, dashboard, watch

ROOT = Path(__file__).parents[1]
DEEP = RunConfig(depth=20, steps=1_000_000)
PLAYER = ".bnviz-player"
FIRST_PICTURE = f"""() => {{  // data-seq also counts what came before there was a frame to draw
  const plots = [...document.querySelectorAll('{PLAYER} .js-plotly-plot')];
  return Number(document.querySelector('{PLAYER}')?.dataset.seq) >= 1 && plots.length >= 9
    && plots.every((plot) => plot.querySelector('.trace path'));
}}"""

SEQ = f"() => Number(document.querySelector('{PLAYER}').dataset.seq)"
STEP = f"() => Number(document.querySelector('{PLAYER}').dataset.step)"
# Trace 0 is the line of chance, whose end is a round number.
SERIES = f"() => document.querySelector('{PLAYER} .bnviz-series .js-plotly-plot')?._fullData[1].x.at(-1)"
NAIVE_PICTURE = """() => {  // the number of the last redraw that every chart has painted
  const plots = [...document.querySelectorAll('.js-plotly-plot')];
  return plots.length < 9 ? 0 : Math.min(...plots.map((plot) => plot._fullLayout?.meta ?? 0));
}"""
NAIVE_RERUN = "() => Number(document.querySelector('#naive')?.dataset.redraw ?? 0)"
NAIVE_STEP = "() => Number(document.querySelector('#naive')?.dataset.step ?? 0)"
COUNT = """([look]) => {  // the times of the animation frames in which a number has grown
  const read = eval(look), times = [];
  let last = read();
  const frame = (now) => {
    const value = read();
    if (value > last) { times.push(now); last = value; }
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  (window.counted ??= []).push(times);
}"""
ARRIVALS = """{  // when the first message with something to draw anew has come
  const Plain = WebSocket;
  window.WebSocket = class extends Plain {
    constructor(...given) {
      super(...given);
      this.addEventListener('message', ({ data }) => {
        const fresh = typeof data === 'string' && data.includes('"type": "scene"') && data.includes('"empty": false');
        if (fresh) window.arrived ??= performance.now();
      });
    }
  };
}"""
NEW_RUN = f"""() => {{  // from a key to the first animation frame with the charts of a net of another depth
  const root = document.querySelector('{PLAYER}');
  const layers = () => root.querySelectorAll('.bnviz-layers .js-plotly-plot')[2]?._fullData[0].x.length;
  window.took = null;
  addEventListener('keydown', (event) => {{
    const before = layers(), step = Number(root.dataset.step);
    window.arrived = null;
    const frame = () => {{
      const fresh = layers() !== before && Number(root.dataset.step) < step && root.dataset.status === 'running';
      if (fresh) window.took = [window.arrived - event.timeStamp, performance.now() - event.timeStamp];
      else requestAnimationFrame(frame);
    }};
    requestAnimationFrame(frame);
  }}, {{ capture: true, once: true }});
}}"""


def per_second(times: list[float], begin: float, seconds: int) -> tuple[float, float]:
    """Median over windows of one second, and mean."""
    windows = [0] * seconds
    for at in times:
        if 0 <= (window := int((at - begin) / 1000)) < seconds:
            windows[window] += 1
    return statistics.median(windows), statistics.fmean(windows)


def counted(page: Page, looks: list[str], step: str, seconds: int) -> tuple[list[tuple[float, float]], float]:
    """How often a second what each look reads has grown; and the steps trained a second."""
    page.wait_for_timeout(3000)
    for look in looks:
        page.evaluate(COUNT, [look])
    begin, first = page.evaluate("performance.now()"), page.evaluate(f"({step})()")
    page.wait_for_timeout(1000 * seconds + 100)
    elapsed = (page.evaluate("performance.now()") - begin) / 1000
    rate = (page.evaluate(f"({step})()") - first) / elapsed
    return [per_second(times, begin, seconds) for times in page.evaluate("window.counted")], rate


@contextmanager
def browsing() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        yield browser
        browser.close()


@contextmanager
def fresh_page(browser: Browser) -> Iterator[Page]:
    """A page in a profile of its own: no cache, no cookies."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


def updates(chosen: argparse.Namespace) -> None:
    with dashboard() as server, browsing() as browser, fresh_page(browser) as page:
        page.goto(f"{server.url}/?{DEEP.to_query()}")
        page.wait_for_function(FIRST_PICTURE)
        (ours, series), our_rate = counted(page, [SEQ, SERIES], STEP, chosen.seconds)
    naive = (sys.executable, "-m", "streamlit", "run", str(ROOT / "benchmarks" / "naive_page.py"))
    with (
        dashboard(*naive, env={"BNVIZ_NAIVE_QUERY": DEEP.to_query(), "PYTHONPATH": str(ROOT)}) as server,
        browsing() as browser,
        fresh_page(browser) as page,
    ):
        page.goto(server.url)
        page.wait_for_function(f"() => ({NAIVE_PICTURE})() >= 2")
        (peer, reruns), peer_rate = counted(page, [NAIVE_PICTURE, NAIVE_RERUN], NAIVE_STEP, chosen.seconds)
    print(f"{'chart updates a second, depth 20':42}{'median of 1 s':>14}{'mean':>8}{'steps/s trained':>17}")
    print(f"{'our page':42}{ours[0]:14.1f}{ours[1]:8.2f}{our_rate:17.0f}")
    print(f"{'  of these, with the charts over steps':42}{series[0]:14.1f}{series[1]:8.2f}")
    print(f"{'st.fragment and st.plotly_chart':42}{peer[0]:14.1f}{peer[1]:8.2f}{peer_rate:17.0f}")
    print(f"{'  redraws begun there, finished or not':42}{reruns[0]:14.1f}{reruns[1]:8.2f}")
    ratios = [f"{a / b:.1f}" if b else "-" for a, b in zip(ours, peer, strict=True)]
    print(f"{'ratio':42}{ratios[0]:>14}{ratios[1]:>8}")


def opening(chosen: argparse.Namespace) -> None:
    took = []
    with dashboard() as server, browsing() as browser:
        for _ in range(chosen.openings):
            time.sleep(6.0)  # the server is up, and what its workers are forked from, too
            with fresh_page(browser) as page:
                began = time.perf_counter()
                page.goto(server.url, wait_until="commit")
                page.wait_for_function(FIRST_PICTURE)
                took.append(time.perf_counter() - began)
                page.get_by_role("button", name="Pause", exact=True).click()  # no load on the next opening
                page.wait_for_selector(f"{PLAYER}[data-status=paused]")
    print(f"opening to the first picture: median {statistics.median(took):.2f} s, worst {max(took):.2f} s")
    print("  each:", " ".join(f"{each:.2f}" for each in took))


def changing(chosen: argparse.Namespace) -> None:
    took = []
    with dashboard() as server, browsing() as browser, fresh_page(browser) as page:
        page.add_init_script(ARRIVALS)
        page.goto(server.url)
        page.wait_for_function(FIRST_PICTURE)
        page.wait_for_timeout(4000)
        depth = page.get_by_test_id("stSlider").filter(has_text="Depth").get_by_role("slider")
        for change in range(chosen.changes):
            page.wait_for_timeout(1500)
            depth.focus()
            page.evaluate(NEW_RUN)
            page.keyboard.press("ArrowLeft" if change % 2 else "ArrowRight")
            page.wait_for_function("() => window.took !== null")
            took.append(page.evaluate("window.took"))
    for what, each in zip(("frame", "picture"), zip(*took, strict=True), strict=True):
        middle, worst = statistics.median(each), statistics.quantiles(each, n=20, method="inclusive")[-1]
        print(f"changed depth to the first {what}: median {middle:.0f} ms, 95th percentile {worst:.0f} ms")
        print("  each:", " ".join(f"{one:.0f}" for one in each))


def memory(chosen: argparse.Namespace) -> None:
    config = RunConfig(depth=20, steps=2 * chosen.steps)
    with dashboard() as server:
        with browsing() as browser, fresh_page(browser) as page:
            page.goto(f"{server.url}/?{config.to_query()}")
            page.wait_for_function(FIRST_PICTURE)
            viewer = watch(server, str(page.get_attribute(PLAYER, "data-run")))
        processes: dict[str, psutil.Process] = {}
        with viewer:
            for share in (0.25, 0.5, 1.0, 1.5):
                while (step := json.loads(viewer.recv(timeout=30)).get("newest", 0)) < share * chosen.steps:
                    pass
                if not processes:
                    processes = roles(server)
                    print("memory, RSS in MB".ljust(18) + "".join(f"{name:>16}" for name in processes))
                cells = "".join(f"{rss(each):>16}" for each in processes.values())
                print(f"{share:5.0%}, step {step:<6}{cells}")


def roles(server: Dashboard) -> dict[str, psutil.Process]:
    """The server's processes by what they do."""
    workers = sorted(server.workers(), key=lambda each: -sum(each.cpu_times()[:2]))
    found = {"server": psutil.Process(server.process.pid)}
    found |= {"trains" if place == 0 else f"spare {place}": worker for place, worker in enumerate(workers)}
    if workers and workers[0].ppid() != server.process.pid:
        found["forks"] = psutil.Process(workers[0].ppid())
    return found


def rss(process: psutil.Process) -> str:
    return f"{process.memory_info().rss / 1e6:.0f}" if process.is_running() else "gone"


PARTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "updates": updates,
    "open": opening,
    "change": changing,
    "memory": memory,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--seconds", type=int, default=20, help="of counting updates, of each page")
    parser.add_argument("--openings", type=int, default=5)
    parser.add_argument("--changes", type=int, default=15)
    parser.add_argument("--steps", type=int, default=20_000, help="of the run whose memory is measured")
    chosen = parser.parse_args()
    for name in [chosen.only] if chosen.only else PARTS:
        print(f"[{name}] {os.cpu_count()} cores; load before: {os.getloadavg()[0]:.2f}", flush=True)
        PARTS[name](chosen)


if __name__ == "__main__":
    main()
