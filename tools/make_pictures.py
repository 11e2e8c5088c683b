"""Makes README's pictures from the real page: `python tools/make_pictures.py` (needs a Chromium)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tests.browser.chromium import chromium  # noqa: E402
from tests.browser.conftest import grown, opened  # noqa: E402
from tests.support.server import dashboard  # noqa: E402


def main() -> None:
    """Write assets/page-light.png and assets/page-dark.png."""
    with dashboard() as server, sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium(), args=arguments)
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport={"width": 1400, "height": 900}, color_scheme=scheme)
            opened(page, f"{server.url}/?depth=8&width=64")
            grown(page, "step", 230, 90)
            page.get_by_role("button", name="Pause", exact=True).click()
            page.wait_for_timeout(2500)
            page.screenshot(path=HERE.parent / "assets" / f"page-{scheme}.png")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
