"""A talk of eight minutes, held by keyboard alone: each stop is what the speaker shows, and has its picture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .conftest import PLAYER, grown, number, opened

pytestmark = pytest.mark.long

TALK = "depth=6&width=64&steps=1000000"
"""What the talk begins with: a deep sigmoid net, without and with BatchNorm."""
WIDTH, HEIGHT = 1280, 720
CHARTS = f"{PLAYER} .js-plotly-plot"


def talk(page: Page, url: str) -> Iterator[str]:
    """Hold it; yields the name of each stop when it is to be seen."""
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    opened(page, f"{url}/?{TALK}")
    sentence, title = page.locator(".bnviz-sentence"), page.locator(".bnviz-panel .bnviz-title")
    page.keyboard.press("p")
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    grown(page, "step", 130, 90)
    expect(sentence).to_contain_text("nothing is learned")
    yield "1-zero-learning"
    page.keyboard.press("3")
    expect(page.locator(CHARTS)).to_have_count(1)
    expect(title).to_have_text("Gradient norm")
    yield "2-gradients-vanish"
    page.keyboard.press("0")
    expect(page.locator(CHARTS)).to_have_count(9)
    page.keyboard.press("PageDown")
    expect(page.locator(".heatmaplayer image")).to_have_count(2)
    yield "3-over-time"
    page.keyboard.press("PageUp")
    expect(page.locator(CHARTS)).to_have_count(9)
    page.keyboard.press("b")
    grown(page, "step", flip_of(page) + 80, 60)
    expect(sentence).not_to_contain_text("nothing is learned", timeout=30_000)
    yield "4-flipped-while-it-runs"
    yield from changed(page)


def changed(page: Page) -> Iterator[str]:
    """The second half: what was changed, from near and from far."""
    sentence, title = page.locator(".bnviz-sentence"), page.locator(".bnviz-panel .bnviz-title")
    flipped = flip_of(page)
    page.keyboard.press("6")
    expect(page.locator(CHARTS)).to_have_count(1)
    page.keyboard.press("x")
    expect(title).to_contain_text("Loss")
    page.wait_for_function(f"() => document.querySelector('{CHARTS}')?.layout.xaxis.ticktext?.includes('100')")
    yield "5-loss-on-a-logarithmic-scale"
    page.keyboard.press("0")
    page.keyboard.press("x")
    expect(page.locator(CHARTS)).to_have_count(9)
    page.keyboard.press("e")
    expect(page.get_by_role("dialog", name="Events")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function(f"step => Number(document.querySelector('{PLAYER}').dataset.step) <= step", arg=flipped + 20)
    while number(page, "step") >= flipped:
        at = number(page, "step")
        page.keyboard.press("ArrowLeft")
        expect(page.locator(PLAYER)).not_to_have_attribute("data-step", str(at))
    expect(sentence).to_contain_text("nothing is learned")
    yield "6-back-to-before"
    page.keyboard.press("l")
    grown(page, "step", flipped)
    yield from forked(page)
    page.keyboard.press("Space")
    expect(page.locator(PLAYER)).to_have_attribute("data-status", "paused")
    to_tab(page, "update")
    for stage in ("inputs", "z = Wx", "mean, variance", "normalize"):
        expect(page.locator(".bnviz-places [aria-current]")).to_have_text(stage, timeout=30_000)
        if stage != "normalize":
            page.keyboard.press(".")
    expect(page.locator(CHARTS).first).to_be_visible()
    yield "8-one-update"
    to_tab(page, "findings")
    expect(page.locator(".bnviz-findings li").first).to_be_visible()
    yield "9-findings"


def forked(page: Page) -> Iterator[str]:
    """What the net that has learned with BatchNorm is without it."""
    names = page.locator(f"{PLAYER} .bnviz-layers .bnviz-arm")
    page.keyboard.press("a")
    page.keyboard.press("f")
    expect(page.get_by_role("dialog", name="Fork")).to_be_visible()
    page.keyboard.press("Enter")
    expect(names.nth(2)).to_have_text(re.compile(r"no normalization · forked at step \d+"))
    grown(page, "step", number(page, "step") + 30, 60)
    yield "7-forked"


def flip_of(page: Page) -> int:
    """The step of the mark on the timeline."""
    mark = page.locator(".bnviz-event")
    expect(mark).to_have_accessible_name(re.compile(r"^BatchNorm, step \d+"))
    return int((mark.get_attribute("aria-label") or "").split("step ")[1].split(":")[0])


def to_tab(page: Page, name: str) -> None:
    """By the clicker."""
    while page.locator(PLAYER).get_attribute("data-tab") != name:
        page.keyboard.press("PageDown")


def test_a_talk_is_held_by_keyboard_alone(quiet_page, served, tmp_path: Path):
    pages = []
    for stop in talk(quiet_page, served.url):
        picture = tmp_path / f"{stop}.png"
        quiet_page.screenshot(path=picture)
        pages.append(picture)
        assert quiet_page.evaluate("[innerWidth, innerHeight]") == [WIDTH, HEIGHT]
        assert quiet_page.evaluate("document.scrollingElement.scrollHeight") <= HEIGHT
    assert len({picture.read_bytes() for picture in pages}) == 9
