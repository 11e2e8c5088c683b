"""Present: type that is read from the back of a room, and all of it without a pointer."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from bnviz.config import RunConfig

from .conftest import PLAYER, grown, number, opened, status

SHOWN = RunConfig(depth=4, width=16, steps=1_000_000, landscape="0.5-4")
TEXTS = """() => {
  const main = document.querySelector('[data-testid=stMain]'), found = [];
  const walk = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const { data, parentElement } = walk.currentNode;
    if (!data.trim() || parentElement.closest('style, .bnviz-told')) continue; // what is told is for screen readers
    if (!parentElement.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const range = document.createRange();
    range.selectNodeContents(walk.currentNode);
    const { width, height, right, bottom } = range.getBoundingClientRect();
    if (!width || !height || right < 0 || bottom < 0) continue;
    found.push([parseFloat(getComputedStyle(parentElement).fontSize), data.trim()]);
  }
  return found;
}"""
"""Size in pixels of each text that can be seen, HTML and SVG, beside sidebar and header."""
CHARTS = f"{PLAYER} .js-plotly-plot"


def texts(page):
    """All texts to be seen, none of them under 18 pixels."""
    state = "[document.documentElement.className, document.fullscreenElement?.localName]"
    assert page.evaluate(state) == ["bnviz-present", "html"]
    found = page.evaluate(TEXTS)
    assert [each for each in found if each[0] < 18] == []
    return {text for _, text in found}


def test_the_charts_alone_in_large_type_at_every_tab(quiet_page, served):
    quiet_page.set_viewport_size({"width": 1280, "height": 720})
    page = opened(quiet_page, f"{served.url}/?{SHOWN.to_query()}")
    grown(page, "step", 50)
    page.keyboard.press("b")
    expect(page.locator(".bnviz-event")).to_be_visible()
    page.keyboard.press("p")
    page.wait_for_function("() => document.fullscreenElement")
    for away in ("stSidebar", "stHeader"):
        expect(page.get_by_test_id(away)).to_be_hidden()
    seen = set()
    for title, charts in (("Layers", 9), ("Over time", 7), ("Landscape", 4), ("Train vs eval", 6), ("Updates", 7)):
        tab = page.get_by_role("tab", name=title, exact=True)
        while tab.get_attribute("aria-selected") != "true":  # there may be others between
            page.keyboard.press("PageDown")
        expect(page.locator(CHARTS)).to_have_count(charts)
        page.wait_for_function(f"() => [...document.querySelectorAll('{CHARTS}')].every((plot) => plot.calcdata)")
        seen |= texts(page)
        for box in (each.bounding_box() for each in page.locator(".bnviz-panel").all()):
            assert box["width"] > 100
            assert box["height"] > 100
            assert box["x"] + box["width"] <= 1280
            assert box["y"] + box["height"] <= 720
    assert {"layer 1", "0%", "Live", "Gradient norm"} <= seen  # of charts, timeline and titles
    page.keyboard.press("PageDown")
    while page.locator("[aria-selected=true]").get_attribute("data-tab") != "findings":
        page.keyboard.press("PageDown")
    expect(page.locator(".bnviz-findings li").first).to_be_visible()
    texts(page)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    texts(page)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    page.evaluate("document.exitFullscreen()")  # what Escape does; no script hears of that key
    expect(page.get_by_test_id("stSidebar")).to_be_visible()
    expect(page.get_by_role("button", name="Present", exact=True)).to_be_visible()


def test_charts_networks_and_layers_are_led_by_keys(quiet_page, served):
    page = opened(quiet_page, f"{served.url}/?{SHOWN.to_query()}")
    page.keyboard.press("1")  # not outside of Present
    page.keyboard.press("p")
    expect(page.locator(CHARTS)).to_have_count(9)
    page.keyboard.press("3")
    expect(page.locator(CHARTS)).to_have_count(1)
    expect(page.locator(".bnviz-panel .bnviz-title")).to_have_text("Gradient norm")
    page.keyboard.press("8")
    title = page.locator(".bnviz-panel .bnviz-title", has_text="layer 1")
    expect(title).to_contain_text("Gradient norm")
    assert page.locator(CHARTS).bounding_box()["height"] > 500
    for key, layer in (
        ("ArrowUp", "output ×"),
        ("ArrowUp", "layer 4 ×"),
        ("ArrowDown", "output ×"),
        ("ArrowDown", "layer 1"),
    ):
        page.keyboard.press(key)
        expect(page.locator(".bnviz-panel .bnviz-title")).to_have_text(f"Gradient norm{layer}")
    page.keyboard.press("0")
    expect(page.locator(CHARTS)).to_have_count(9)
    page.keyboard.press("a")
    expect(page.locator("[data-arm='1']").first).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("b")
    expect(page.locator(".bnviz-panel .bnviz-title").nth(1)).to_contain_text(
        re.compile("no normalization · since step")
    )
    page.keyboard.press("r")
    page.wait_for_function(f"(step) => Number(document.querySelector('{PLAYER}').dataset.step) < step",
                           arg=number(page, "step"))  # fmt: skip
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stSidebar")).to_be_visible()
    status(page, "running")
