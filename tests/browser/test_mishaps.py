"""What goes wrong, and what people see of it, in a real Chromium."""

from __future__ import annotations

import os
import signal

import psutil
from playwright.sync_api import expect

from tests.support.line import line_to
from tests.support.server import wait_for

from .conftest import SMALL, grown, number, opened, status


def ended(process):
    """Whether a process is gone, but for its entry in the table."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_bad_link_is_said_and_the_page_runs(quiet_page, served):
    page = opened(quiet_page, f"{served.url}/?depth=99&seed=1")
    expect(page.get_by_text("depth must be a whole number from 1 to 50, got '99'.")).to_be_visible()
    assert "depth=6" in page.url


def test_a_killed_worker_is_said_and_can_be_started_again(quiet_page, served):
    page = opened(quiet_page, f"{served.url}/?{SMALL.to_query()}")
    grown(page, "step", 100)
    for worker in served.workers():
        os.kill(worker.pid, signal.SIGKILL)
    status(page, "failed")
    expect(page.get_by_role("alert")).to_contain_text("killed")
    assert number(page, "step") >= 100
    page.get_by_role("button", name="Restart", exact=True).click()
    status(page, "running")
    page.wait_for_timeout(200)
    grown(page, "step", number(page, "step"))


def test_a_diverged_arm_is_named_and_the_other_goes_on(quiet_page, served):
    page = opened(quiet_page, f"{served.url}/?preset=relu-lr")
    expect(page.locator(".bnviz-sentence")).to_contain_text("diverged", timeout=30_000)
    grown(page, "step", number(page, "step") + 100)


SERIES = """() => {
    const plot = document.querySelector(".bnviz-series .js-plotly-plot");
    return Array.from(plot._fullData.find((trace) => trace.x?.length > 5).x);
}"""
"""The steps of a chart over steps."""
NEWEST_DRAWN = f"() => Math.max(...({SERIES})()) == document.querySelector('.bnviz-player').dataset.step"


def test_a_page_whose_line_is_cut_goes_on_by_itself_without_gaps(page, served):
    with line_to(served.url) as line:
        opened(page, f"{line.url}/?{SMALL.to_query()}")
        for _ in range(3):
            step = grown(page, "step", number(page, "step"))
            assert line.cut()
            grown(page, "step", step + 50)
        page.get_by_role("button", name="Pause", exact=True).click()
        status(page, "paused")
        page.wait_for_function(NEWEST_DRAWN)
        steps = page.evaluate(SERIES)
        opened(page, page.url)  # all of the run's history, in one message
        status(page, "paused")
        page.wait_for_function(NEWEST_DRAWN)
        assert page.evaluate(SERIES) == steps


def test_a_page_that_comes_back_to_a_dead_socket_has_the_newest_at_once(page, served):
    hide = """(hidden) => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    with line_to(served.url) as line:
        opened(page, f"{line.url}/?{SMALL.to_query()}")
        page.evaluate(hide, True)
        line.fall_silent()
        step = number(page, "step")
        page.evaluate(hide, False)
        grown(page, "step", step + 50)


def test_a_server_that_is_killed_hard_leaves_no_process(quiet_page, alone):
    opened(quiet_page, f"{alone.url}/?{SMALL.to_query()}")
    children = alone.children
    assert children
    quiet_page.close()
    alone.process.kill()
    alone.process.wait()
    wait_for(lambda: all(ended(child) for child in children), 15)
