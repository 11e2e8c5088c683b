"""The page for everyone: the rules of axe-core, words that are heard, the keyboard, fingers, a page twice as large."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from bnviz.config import RunConfig

from .conftest import PLAYER, SMALL, grown, number, opened, status

pytestmark = pytest.mark.long

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
FOUND = """async (options) => {
  const {violations} = await axe.run({exclude: [[".main-svg"]]}, {...options, resultTypes: ["violations"]});
  const ours = ({id, impact}) => ["serious", "critical"].includes(impact) || id === "heading-order";
  return violations.filter(ours).flatMap(({id, nodes}) => nodes.map(({html}) => `${id}: ${html.slice(0, 200)}`));
}"""
OPTIONS = {
    "light": {"rules": {"label-content-name-mismatch": {"enabled": True}, "target-size": {"enabled": True}}},
    "dark": {"runOnly": ["color-contrast"]},  # all else is the same
}
"""What axe looks for: all of its rules, and two that it leaves out unless asked; by theme."""
LANDSCAPE = RunConfig(depth=3, width=32, steps=1_000_000, landscape="0.5-4")
BAD = "depth=99&width=many&seed=x&color=red&tab=weather"
TOO_SMALL = f"""() => [...document.querySelectorAll('{PLAYER} :is(button, select, input)')].filter((e) => {{
  const {{width, height}} = e.getBoundingClientRect();
  return e.checkVisibility({{opacityProperty: true}}) && width && Math.min(width, height) < 24;
}}).map((e) => e.outerHTML.slice(0, 120))"""
WIDER = "document.scrollingElement.scrollWidth - innerWidth"


def settled(page):
    """The page's script has run, and so has the tab that was asked for."""
    expect(page.locator("[data-testid=stApp]")).to_have_attribute("data-test-script-state", "notRunning")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_tab_in_any_sheet_and_in_present(quiet_page, served, theme):
    quiet_page.emulate_media(color_scheme=theme)
    page = opened(quiet_page, f"{served.url}/?{LANDSCAPE.to_query()}")
    grown(page, "step", 100)
    page.keyboard.press("Space")  # what is looked at does not depend on it, and axe has the machine to itself
    status(page, "paused")
    page.add_script_tag(path=AXE)
    for tab in page.get_by_role("tab").all():
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        settled(page)
        assert page.evaluate(FOUND, OPTIONS[theme]) == [], tab.inner_text()
    page.get_by_role("tab").first.click()
    for key in ("Keys", "Save", "Share"):
        page.get_by_role("button", name=key, exact=True).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert page.evaluate(FOUND, OPTIONS[theme]) == [], key
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("p")
    expect(page.locator("[data-testid=stSidebar]")).to_be_hidden()
    assert page.evaluate(FOUND, OPTIONS[theme]) == []


def test_a_chart_is_reached_by_keyboard_says_what_it_shows_and_lets_a_layer_be_chosen(quiet_page, served):
    page = opened(quiet_page, f"{served.url}/?{SMALL.to_query()}")
    grown(page, "step", 100)
    page.keyboard.press("Space")
    status(page, "paused")
    gradient = page.get_by_role("img", name="gradient norm of each layer, one line per network")
    step = number(page, "step")
    expect(gradient).to_have_accessible_description(
        re.compile(
            rf"^Step {step}\. No normalization: least \S+ in .*, largest \S+ in .*\. BatchNorm: least .*pulls at"
        )
    )
    assert page.locator(f"{PLAYER} :is(.bnviz-told, .bnviz-plot)[aria-live]").count() == 0
    for chart in page.locator(".bnviz-plot").all():
        expect(chart).to_have_accessible_description(re.compile(r"\d"))
    page.get_by_role("button", name="BatchNorm").first.focus()
    page.keyboard.press("Tab")
    reached = page.evaluate("[document.activeElement.className, getComputedStyle(document.activeElement).outlineStyle]")
    assert "bnviz-plot" in reached[0]
    assert reached[1] == "solid"
    gradient.focus()
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    expect(page.locator(".bnviz-panel .bnviz-chip").first).to_have_text("layer 2 ×")
    over_steps = page.get_by_role("img", name="Gradient norm of layer 2 over steps")
    expect(over_steps).to_have_accessible_description(
        re.compile(rf"layer 2, gradient norm \S+ at step 0, .* at step {step}")
    )
    expect(gradient).to_be_focused()


def test_a_phone_and_a_page_twice_as_large_cut_nothing_off_and_a_bad_link_is_one_notice(quiet_page, served):
    quiet_page.set_viewport_size({"width": 700, "height": 450})  # a window of 1400 x 900 at 200 %
    page = opened(quiet_page, f"{served.url}/?{BAD}")
    notice = page.locator("[data-testid=stAlert]")
    expect(notice).to_have_count(1)
    expect(notice).to_contain_text("depth must be")
    assert page.locator(PLAYER).evaluate("(player) => player.getBoundingClientRect().top") < 160
    assert page.evaluate(WIDER) <= 0
    shown = page.locator(".bnviz-title select, .bnviz-title strong").all()
    assert all(each.evaluate("(e) => e.scrollWidth <= e.clientWidth + 1 || !e.clientWidth") for each in shown)
    page.keyboard.press("p")
    expect(notice).to_be_hidden()
    page.keyboard.press("Escape")
    expect(notice).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("button", name="Put away").click()
    expect(notice).to_have_count(0)
    settled(page)
    assert page.evaluate(TOO_SMALL) == []
    assert page.evaluate(WIDER) <= 0
