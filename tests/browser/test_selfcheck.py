"""The self-check, started, watched and read in a real Chromium."""

from __future__ import annotations

import re
import sys

import psutil
import pytest
from playwright.sync_api import expect

from bnviz import laws
from bnviz.config import RunConfig
from tests.support.server import dashboard, wait_for

from .conftest import opened

BRIEF = RunConfig(depth=1, width=8, steps=20)
LAWS = (1, 4, 7, 20)
"""Quick ones, with many signs that Markdown would take for its own."""
SERVER = f"""
from bnviz.serve.app import make_app
from bnviz.serve.launch import serve
from bnviz.serve.selfcheck import SelfCheck
from bnviz.serve.shared import Server, use
from bnviz.ui import PAGE
use(Server(SelfCheck({LAWS})))
serve(make_app(PAGE), browser=False)
"""


@pytest.fixture(scope="module")
def checking():
    with dashboard(sys.executable, "-c", SERVER) as server:
        yield server


def test_the_table_fills_for_all_who_look(quiet_page, checking, browser):
    url = f"{checking.url}/?{BRIEF.to_query()}&tab=selfcheck"
    page = opened(quiet_page, url)
    phone = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
    other = phone.new_page()
    other.goto(url)
    expect(other.get_by_role("button", name="Run all checks")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Run all checks").click()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    results = list(laws.run(LAWS))
    for each in (page, other):
        expect(each.get_by_text(re.compile(r"^4 of 4 laws hold \(\d+ s\)\.$"))).to_be_visible(timeout=90_000)
        expect(each.get_by_role("button", name="Run all checks")).to_be_visible()
        rows = each.locator(".st-key-selfcheck tbody tr")
        expect(rows).to_have_count(len(results))  # the line above the table may be drawn before it
        for row, law in zip(rows.all(), results, strict=True):
            cells = [f"{law.number}. {law.law}", law.source, law.expected, law.measured, "✓ pass"]
            expect(row.locator("td")).to_have_text(cells)
    assert other.evaluate("[...document.querySelectorAll('.st-key-selfcheck *')]"
                          ".every((e) => e.getBoundingClientRect().right <= innerWidth)")  # fmt: skip
    phone.close()
    assert not [each.path for each in psutil.Process(checking.process.pid).memory_maps() if "libtorch" in each.path]


def test_a_server_that_is_killed_hard_takes_its_check_along(quiet_page, alone):
    page = opened(quiet_page, f"{alone.url}/?{BRIEF.to_query()}&tab=selfcheck")
    page.get_by_role("button", name="Run all checks").click()
    expect(page.get_by_text(re.compile(r"^[1-9] of 26 laws measured"))).to_be_visible(timeout=60_000)
    children = alone.children
    assert any("bnviz.laws" in child.cmdline() for child in children)
    page.close()
    alone.process.kill()
    alone.process.wait()
    wait_for(lambda: not any(map(_runs, children)), 15)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
