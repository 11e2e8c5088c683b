"""`bnviz open`: a recording on the page, in every tab, with play, pace and timeline, and no process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.support.server import ROOT, dashboard

from .conftest import PLAYER


@pytest.fixture(scope="module")
def opened_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("recordings") / "run.arrow"
    command = [sys.executable, "-m", "bnviz.cli"]
    settings = ["--set", "steps=100", "--set", "depth=3", "--set", "width=16", "--set", "landscape=0.5-4"]
    subprocess.run([*command, "run", *settings, "--out", str(file), "--no-progress"], check=True, cwd=ROOT)
    with dashboard(*command, "--no-browser", "open", str(file)) as server:
        yield server


def test_a_recording_plays_and_is_wandered_through_in_every_tab_without_a_worker(quiet_page, opened_file):
    page = quiet_page
    page.goto(opened_file.log.read_text().split()[1])
    player = page.locator(PLAYER)
    expect(player).to_have_attribute("data-status", "kept", timeout=30_000)
    expect(player).to_have_attribute("data-step", "90", timeout=30_000)
    page.keyboard.press("ArrowLeft")
    expect(player).to_have_attribute("data-step", "80")
    page.keyboard.press("ArrowRight")
    expect(player).to_have_attribute("data-step", "90")
    page.get_by_label("Pace").select_option("20")
    page.get_by_role("button", name="Play", exact=True).click()
    expect(player).to_have_attribute("data-status", "playing")
    expect(player).to_have_attribute("data-status", "kept", timeout=20_000)  # at its end
    expect(player).to_have_attribute("data-step", "90")
    page.get_by_role("button", name="Restart", exact=True).click()
    expect(player).to_have_attribute("data-step", "0")
    page.get_by_label("Step shown").fill("40")
    expect(player).to_have_attribute("data-step", "40")
    for tab in ("Over time", "Landscape", "Train vs eval", "Updates"):
        page.get_by_role("tab", name=tab).click()
        expect(player.locator(".js-plotly-plot .trace path[d]").first).to_be_attached()
        expect(player).to_have_attribute("data-step", "40")
    assert not opened_file.children, "a recording costs no process"
