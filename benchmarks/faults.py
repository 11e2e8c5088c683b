"""Faults, each made to happen on this machine: how often it was survived, what was lost, and who was left behind.

Frames lost: measured steps that were told, and are not in the recording. Orphans: processes that are there 2 s after
their server, or their run, has ended.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # helpers of the tests

from bnviz.config import RunConfig
from bnviz.recording import Recording
from bnviz.serve.hub import Hub
from bnviz.serve.run import Run
from bnviz.serve.shelf import Shelf
from bnviz.source import Status
from tests.browser.chromium import launch_options
from tests.support import server as support
from tests.support.line import Line, line_to
from tests.support.server import Dashboard, dashboard

SMALL = RunConfig(depth=3, width=32, steps=1_000_000)
LARGE = RunConfig(depth=50, width=256, batch_size=1024)
EVERY = SMALL.measure_every
wait_for = partial(support.wait_for, seconds=240)


@dataclass
class Row:
    fault: str
    times: int = 0
    survived: int = 0
    lost: int = 0
    orphans: int = 0
    slowest: float = 0

    def add(self, survived: bool, lost: int = 0, orphans: int = 0, seconds: float = 0.0) -> None:
        self.times, self.survived = self.times + 1, self.survived + survived
        self.lost, self.orphans = self.lost + lost, self.orphans + orphans
        self.slowest = max(self.slowest, seconds)

    def show(self) -> None:
        slowest = f"{self.slowest:7.2f}" if self.slowest else f"{'':7}"
        print(f"{self.fault:46} {self.times:5} {self.survived:8} {self.lost:11} {self.orphans:7} {slowest}", flush=True)


def lost(file: Path, told: Iterable[int]) -> int:
    return len(set(told) - {frame.step for frame in Recording.load(file).frames})


def left(processes: Iterable[psutil.Process]) -> int:
    return sum(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes)


def seconds_until(condition: Callable[[], object]) -> float:
    started = time.monotonic()
    wait_for(condition)
    return time.monotonic() - started


def begun(hub: Hub) -> Run:
    run = hub.start(SMALL, "me")
    run.watch(lambda: None)  # or it would be stopped after a minute
    wait_for(lambda: run.step > 2 * EVERY)
    return run


def workers_get(hub: Hub, fault: str, times: int, what: signal.Signals, said: str) -> Row:
    """A signal comes to a run's worker, at a random moment, while another run trains beside it."""
    row, rng, neighbour = Row(fault), random.Random(0), begun(hub)
    for _ in range(times):
        run = begun(hub)
        time.sleep(rng.random())  # a random moment
        process, at = psutil.Process(run.worker.pid), neighbour.step
        process.send_signal(what)
        taken = seconds_until(lambda run=run: run.status is Status.FAILED)
        time.sleep(2)  # within which nobody may be left
        fine = said in run.text and neighbour.status is Status.RUNNING and neighbour.step > at
        row.add(fine, lost(run.file, range(0, run.step + 1, EVERY)), left([process]), taken)
    hub.stop(neighbour)
    return row


def memory_runs_out(hub: Hub, times: int) -> Row:
    """A worker is left with little room, and its run needs much, while another trains beside it."""
    row, neighbour = Row("worker out of memory"), begun(hub)
    nursery = psutil.Process(neighbour.worker.pid).parent()
    for _ in range(times):
        nursery.rlimit(resource.RLIMIT_AS, (nursery.memory_info().vms + 100_000_000, resource.RLIM_INFINITY))
        at, run = neighbour.step, hub.start(LARGE, "me")
        wait_for(lambda run=run: run.worker is not None)
        process = psutil.Process(support.born(run.worker))  # its limits are those of whom it was forked from
        nursery.rlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
        wait_for(lambda run=run: run.worker is None)
        fine = "not enough memory" in run.text and neighbour.status is Status.RUNNING and neighbour.step > at
        row.add(fine, lost(neighbour.file, range(0, at + 1, EVERY)), left([process]))
    hub.stop(neighbour)
    return row


def clock_is_set(hub: Hub) -> Row:
    row, now, run = Row("clock set, by a day there and back"), time.time, begun(hub)
    for jump in (86_400, -86_400, 0):
        time.time = lambda jump=jump: now() + jump
        at = run.step
        time.sleep(6)  # the shelf is tidied every 5 s
        row.add(run.status is Status.RUNNING and run.step > at and not run.unkept, lost(run.file, [at]))
    time.time = now
    hub.stop(run)
    return row


def step_of(page: Page) -> int:
    return int(page.locator(".bnviz-player").get_attribute("data-step") or 0)


def opened(page: Page, url: str) -> None:
    page.goto(f"{url}/?{SMALL.to_query()}")
    wait_for(lambda: page.locator(".bnviz-player[data-step]").count() and step_of(page) > 0)


def newest(folder: Path) -> Path:
    return max(folder.glob("*.arrow"), key=lambda file: file.stat().st_mtime)


def line_is_cut(page: Page, line: Line, folder: Path, times: int) -> Row:
    row = Row("WebSocket cut, page resumes (s)")
    for _ in range(times):
        line.cut()
        at = step_of(page)
        taken = seconds_until(lambda at=at: step_of(page) > at + 5 * EVERY)
        row.add(True, lost(newest(folder), range(0, step_of(page) + 1, EVERY)), seconds=taken)
    return row


@contextmanager
def asleep(processes: list[psutil.Process]) -> Iterator[None]:
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def lid_is_closed(page: Page, line: Line, folder: Path, times: int) -> Row:
    """The browser stands still, its connections die without a word; then it is there again."""
    row, me = Row("lid closed and opened, newest state (s)"), psutil.Process()
    for _ in range(times):
        browser = [each for each in me.children(recursive=True) if "--type=renderer" in " ".join(each.cmdline())]
        with asleep(browser):
            line.fall_silent()
            time.sleep(8)  # the lid is closed
            now = Recording.load(newest(folder)).frames[-1].step
        taken = seconds_until(lambda now=now: step_of(page) >= now)
        row.add(taken < 10, lost(newest(folder), range(0, now + 1, EVERY)), seconds=taken)
    return row


def machine_sleeps(page: Page, server: Dashboard) -> Row:
    row = Row("server and worker stopped for 15 s, continued")
    with asleep([psutil.Process(server.process.pid), *server.children]):
        time.sleep(15)  # longer than anybody may be silent
    time.sleep(15)  # whoever is to be ended would be by now
    at = step_of(page)
    taken = seconds_until(lambda: step_of(page) > at)
    row.add(page.locator(".bnviz-player").get_attribute("data-status") == "running", seconds=taken)
    return row


def disk_is_full(page: Page, server: Dashboard, folder: Path, times: int) -> Row:
    row, process = Row("disk full while recording"), psutil.Process(server.process.pid)
    for _ in range(times):
        process.rlimit(resource.RLIMIT_FSIZE, (newest(folder).stat().st_size + 50_000, resource.RLIM_INFINITY))
        before = step_of(page)
        wait_for(lambda: "not being kept" in page.locator(".bnviz-status").inner_text())
        process.rlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        at = step_of(page)
        wait_for(lambda at=at: step_of(page) > at)
        row.add(True, lost(newest(folder), range(0, before + 1, EVERY)))
        page.get_by_role("button", name="Restart", exact=True).click()
        wait_for(lambda before=before: step_of(page) < before)
        wait_for(lambda: "not being kept" not in page.locator(".bnviz-status").inner_text())
        wait_for(lambda: step_of(page) > 2 * EVERY)
    return row


def server_is_killed(page: Page, folder: Path, times: int) -> Row:
    row = Row("server killed hard, recording opens")
    for place in range(times):
        own = folder / str(place)
        with dashboard(env={"BNVIZ_RECORDINGS": str(own)}) as server:
            opened(page, server.url)
            children, told = server.children, step_of(page)
            server.process.kill()
            server.process.wait()
            time.sleep(2)  # within which nobody may be left
            orphans = left(children)  # before reading takes time
            (entry,) = Shelf(own).entries(None)
            row.add(Shelf(own).examine(entry).step >= told, lost(entry.file, range(0, told + 1, EVERY)), orphans)
        page.goto("about:blank")
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20, help="of what is done most often; the rest: a fifth of it")
    few = max(1, (times := parser.parse_args().times) // 5)
    print(f"{'fault':46} {'times':>5} {'survived':>8} {'frames lost':>11} {'orphans':>7} slowest", flush=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        os.environ["BNVIZ_RECORDINGS"] = str(folder / "hub")
        hub = Hub()
        hub.open()
        workers_get(hub, "worker killed, said (s)", times, signal.SIGKILL, "killed").show()
        workers_get(hub, "worker hung, ended and said (s)", few, signal.SIGSTOP, "no sign of life").show()
        memory_runs_out(hub, few).show()
        clock_is_set(hub).show()
        hub.close()
        page = playwright.chromium.launch(**launch_options()).new_page()
        with dashboard(env={"BNVIZ_RECORDINGS": str(folder / "page")}) as server, line_to(server.url) as line:
            opened(page, line.url)
            line_is_cut(page, line, folder / "page", times).show()
            lid_is_closed(page, line, folder / "page", few).show()
            machine_sleeps(page, server).show()
            disk_is_full(page, server, folder / "page", few).show()
        server_is_killed(page, folder, few).show()


if __name__ == "__main__":
    main()
