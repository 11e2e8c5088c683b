"""Writes a picture of each stop of the talk by keyboard to assets/: `python tools/make_talk.py` (needs a Chromium)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tests.browser.chromium import chromium  # noqa: E402
from tests.browser.test_talk import talk  # noqa: E402
from tests.support.server import dashboard  # noqa: E402


def main() -> None:
    """Hold the talk of `tests/browser/test_talk.py`, in the dark as in a lecture hall."""
    with sync_playwright() as playwright, dashboard() as server:
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium(), args=root)
        page = browser.new_page(color_scheme="dark")
        for stop in talk(page, server.url):
            page.wait_for_timeout(1500)  # the words follow
            page.screenshot(path=HERE.parent / "assets" / f"talk-{stop}.png")
        browser.close()


if __name__ == "__main__":
    main()
