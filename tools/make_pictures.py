"""Makes README's pictures from the real page: `python tools/make_pictures.py` (needs a Chromium)."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tests.browser.chromium import chromium  # noqa: E402
from tests.browser.conftest import grown, opened  # noqa: E402
from tests.support.server import dashboard  # noqa: E402


def main() -> None:
    """Write assets/page-light.png, assets/page-dark.png and assets/own-model.png."""
    model = ("--model", f"{HERE.parent / 'examples' / 'watch_resnet.py'}:ResNet")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium(), args=arguments)
        with dashboard() as server:
            for scheme in ("light", "dark"):
                picture(browser, f"{server.url}/?depth=8&width=64", f"page-{scheme}", scheme)
        with dashboard(sys.executable, "-m", "bnviz.cli", "--no-browser", *model) as server:
            picture(browser, server.url, "own-model", "light")
        browser.close()


def picture(browser: Browser, url: str, name: str, scheme: Literal["light", "dark"]) -> None:
    """A picture of the page once the run has come to step 230."""
    page = browser.new_page(viewport={"width": 1400, "height": 900}, color_scheme=scheme)
    opened(page, url)
    grown(page, "step", 230, 90)
    page.get_by_role("button", name="Pause", exact=True).click()
    page.wait_for_timeout(2500)
    page.screenshot(path=HERE.parent / "assets" / f"{name}.png")
    page.close()


if __name__ == "__main__":
    main()
