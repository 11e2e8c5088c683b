"""Recordings on the page: `bnviz open`, and the tab that lists them; play, pace and timeline, and no process."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.support.server import ROOT, dashboard

from .conftest import PLAYER, SMALL, opened

COMMAND = [sys.executable, "-m", "bnviz.cli"]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    file = tmp_path_factory.mktemp("recordings") / "run.arrow"
    settings = ["--set", "steps=100", "--set", "depth=3", "--set", "width=16", "--set", "landscape=0.5-4"]
    subprocess.run([*COMMAND, "run", *settings, "--out", str(file), "--no-progress"], check=True, cwd=ROOT)
    return file


@pytest.fixture(scope="module")
def opened_file(file, tmp_path_factory):
    kept = tmp_path_factory.mktemp("kept")
    with dashboard(*COMMAND, "--no-browser", "--recordings", str(kept), "open", str(file)) as server:
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


def test_a_recording_is_added_named_overlaid_taken_along_and_removed(quiet_page, opened_file, file):
    page, player = quiet_page, quiet_page.locator(PLAYER)
    page.goto(opened_file.log.read_text().split()[1] + "&tab=recordings")
    page.locator("input[type=file]").set_input_files(
        {"name": "talk.arrow", "mimeType": "", "buffer": file.read_bytes()}
    )
    cards = page.locator("[class*='st-key-recordings-card-']")
    expect(page.get_by_text("Added talk.")).to_be_visible(timeout=30_000)
    expect(cards).to_have_count(2)
    assert cards.last.locator("img").evaluate("image => image.naturalWidth") > 0
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("textbox", name="Name").fill("<img src=x>")
    page.get_by_role("textbox", name="Name").press("Enter")
    page.keyboard.press("Escape")
    expect(cards.last.get_by_text("<img src=x>", exact=True)).to_be_visible()
    with page.expect_download() as taken:
        page.get_by_role("link", name="Download").click()
    assert taken.value.path().read_bytes() == file.read_bytes()
    for place, label in enumerate(("Lay this one", "over this one")):
        page.get_by_role("combobox", name=label).click()
        page.get_by_role("option").nth(place).click()
    page.get_by_role("button", name="Overlay").click()
    expect(page.locator(".bnviz-sentence")).to_contain_text("run: BatchNorm", timeout=30_000)
    expect(player).to_have_attribute("data-step", "90")
    expect(page.get_by_text("<img src=x>: BatchNorm").first).to_be_visible()
    page.get_by_role("tab", name="Recordings").click()
    page.get_by_role("button", name="Remove").click()
    expect(cards).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(cards).to_have_count(2)
    assert not opened_file.children, "a recording costs no process"


def test_a_run_that_cannot_be_kept_says_so_beside_its_step(quiet_page, file):
    below_a_file = ["--recordings", str(file / "below")]
    with dashboard(*COMMAND, "--no-browser", *below_a_file) as server:
        page = opened(quiet_page, f"{server.url}/?{SMALL.to_query()}")
        expect(page.locator(".bnviz-status")).to_contain_text("not being kept")
        expect(page.locator(".bnviz-status")).to_have_attribute("title", re.compile("Not a directory"))
