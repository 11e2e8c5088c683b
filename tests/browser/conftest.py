from __future__ import annotations

import os
import re

import pytest
from playwright.sync_api import Page, expect

from bnviz.config import RunConfig
from tests.support.server import dashboard

from .chromium import chromium, launch_options

PLAYER = ".bnviz-player"
SMALL = RunConfig(depth=3, width=32, steps=1_000_000)
NAMES = "--host-resolver-rules=MAP demo.school.org 127.0.0.1"
"""For tests of a server that is called by a name."""
SELF_SIGNED = "--ignore-certificate-errors"
"""To ignore them in a context makes Chromium ask again on each connection, and give up where there are many."""
HARMLESS = ("Failed to load resource: net::ERR_NAME_NOT_RESOLVED",)  # Streamlit's own fonts, where there is no network


def pytest_collection_modifyitems(items):
    missing = chromium() is None and not os.environ.get("CI")
    for item in items:
        if "/browser/" in str(item.path):
            item.add_marker(pytest.mark.browser)
            if missing:
                item.add_marker(
                    pytest.mark.skip(reason="NO CHROMIUM: install Chromium or Chrome to run the browser tests")
                )


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    options = launch_options()
    return {**browser_type_launch_args, **options, "args": [*options["args"], NAMES, SELF_SIGNED]}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args):
    return {**browser_context_args, "viewport": {"width": 1400, "height": 900}}


@pytest.fixture(scope="module")
def served():
    with dashboard() as server:
        yield server


@pytest.fixture
def quiet_page(page: Page):
    """A page whose console is empty when the test ends."""
    page.set_default_timeout(15_000)
    said: list[str] = []
    failed: list[str] = []
    page.on("requestfailed", lambda request: failed.append(f"{request.url}: {request.failure}"))
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    assert [text for text in said if text not in HARMLESS] == [], failed


def opened(page: Page, url: str) -> Page:
    """The page, when it has drawn its first frames."""
    page.goto(url)
    expect(page.locator(PLAYER)).to_have_attribute("data-seq", re.compile(r"^[1-9]"), timeout=60_000)
    return page


def number(page: Page, name: str) -> int:
    """A data attribute of the live component, as a number."""
    return int(page.locator(PLAYER).get_attribute(f"data-{name}") or 0)


def grown(page: Page, name: str, beyond: int, seconds: float = 30.0) -> int:
    """Wait until a data attribute is beyond a number; its value."""
    page.wait_for_function(
        "([name, beyond]) => Number(document.querySelector('.bnviz-player')?.dataset[name]) > beyond",
        arg=[name, beyond],
        timeout=seconds * 1000,
    )
    return number(page, name)


@pytest.fixture
def alone():
    """A server without runs of other tests."""
    with dashboard() as server:
        yield server


def status(page, word):
    expect(page.locator(PLAYER)).to_have_attribute("data-status", word, timeout=30_000)
