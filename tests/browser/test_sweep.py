"""The tab "Sweep" in a real Chromium: chosen, trained, paused, gone on with, and a cell of its picture pressed."""

from __future__ import annotations

import re
import sys

import pytest
from playwright.sync_api import expect

from tests.support.server import dashboard

from .conftest import PLAYER, opened

pytestmark = pytest.mark.long
LINK = "tab=sweep&dataset=iris&depth=1&width=8&batch_size=30"


@pytest.fixture(scope="module")
def trains(tmp_path_factory):
    kept = tmp_path_factory.mktemp("kept")
    with dashboard(
        sys.executable, "-m", "bnviz.cli", "--no-browser", "--recordings", str(kept), "--sweeps", "1"
    ) as server:
        yield server


def test_a_sweep_is_chosen_trained_paused_and_opened_at_a_cell(quiet_page, trains):
    page = opened(quiet_page, f"{trains.url}/?{LINK}")
    tab = page.locator(".st-key-sweep")
    expect(tab).to_contain_text("60 runs of 2 networks, 300 updates each.")
    expect(tab).to_contain_text(re.compile(r"About \d+ (s|min) on one process"), timeout=60_000)
    tab.get_by_role("textbox", name="Values").first.fill("1, 2")
    tab.get_by_role("textbox", name="Values").last.fill("0.05..0.5:log2")
    page.keyboard.press("Enter")
    expect(tab).to_contain_text("12 runs of 2 networks")
    page.keyboard.press("Space")  # in a field it is a space, and the run goes on
    tab.get_by_role("button", name="Start", exact=True).click()
    expect(tab).to_contain_text(re.compile(r"[1-9]\d? of 12 runs"), timeout=60_000)
    tab.get_by_role("button", name="Pause", exact=True).click()
    expect(tab).to_contain_text("Paused.")
    page.reload()  # whoever comes back finds it
    tab.get_by_role("button", name="Go on", exact=True).click()
    expect(tab).to_contain_text("12 of 12 runs. All trained.", timeout=120_000)
    expect(tab).to_contain_text("Test accuracy, batch against none, at 4 places over 3 seeds:")
    picture = tab.locator(".js-plotly-plot")
    expect(picture.locator(".heatmaplayer image, .heatmaplayer .hm").first).to_be_visible()
    with page.expect_download() as saved:
        tab.get_by_role("button", name="Table (Parquet)").click()
    assert saved.value.path().read_bytes()[:4] == b"PAR1"
    cell = picture.locator(".scatterlayer .point").first.bounding_box()
    page.mouse.click(cell["x"] + cell["width"] / 2, cell["y"] + cell["height"] / 2)
    page.wait_for_url(re.compile(r"depth=1&.*learning_rate=0\.05&.*steps=300&"), timeout=30_000)
    expect(page.get_by_role("tab", name="Layers")).to_have_attribute("aria-selected", "true")
    expect(page.locator(PLAYER)).to_have_attribute("data-status", "finished", timeout=60_000)
