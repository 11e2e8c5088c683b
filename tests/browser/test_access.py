"""The page for everyone: the rules of axe-core, words that are heard, the keyboard, fingers, a page twice as large."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from bnviz.cli import main
from bnviz.config import RunConfig
from bnviz.recording import Recording
from tests.support.trained import run

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
FOLDS = "dataset=spiral&depth=3&width=16&steps=1000000"
BAD = "depth=99&width=many&seed=x&color=red&tab=weather"
TOO_SMALL = f"""() => [...document.querySelectorAll('{PLAYER} :is(button, select, input)')].filter((e) => {{
  const {{width, height}} = e.getBoundingClientRect();
  return e.checkVisibility({{opacityProperty: true}}) && width && Math.min(width, height) < 24;
}}).map((e) => e.outerHTML.slice(0, 120))"""
CUT = f"""() => [...document.querySelectorAll('{PLAYER} :is(p, li, strong, button, select, h2, label, a)')]
  .filter((e) => e.clientWidth > 1 && e.scrollWidth > e.clientWidth + 1 && e.checkVisibility({{opacityProperty: true}})
    && ['hidden', 'clip'].includes(getComputedStyle(e).overflowX))
  .map((e) => e.outerHTML.slice(0, 160))"""
"""Texts of which a part is not seen."""
WIDER = "document.scrollingElement.scrollWidth - innerWidth"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A recording as one HTML file."""
    folder = tmp_path_factory.mktemp("file")
    made = run(30, steps=60, depth=3, width=8, landscape="0.5-4")
    frames = tuple(frame for frames in made.steps for frame in frames)
    Recording(made.config, frames, made.events).save(folder / "run.arrow")
    assert main(["export", str(folder / "run.arrow"), "--html", str(folder / "page.html")]) == 0
    return folder / "page.html"


def found(page, theme):
    """What axe finds; it is put into the page from outside, past its policy."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    return page.evaluate(FOUND, OPTIONS[theme])


def settled(page, tab=None):
    """The page's script has run, and for this tab."""
    if tab is not None:
        told = f"[?&]tab={tab}(&|$)" if tab != "layers" else "^(?!.*[?&]tab=)"  # where everybody begins
        expect(page).to_have_url(re.compile(told))
    expect(page.locator("[data-testid=stApp]")).to_have_attribute(
        "data-test-script-state", "notRunning", timeout=30_000
    )
    expect(page.locator("[data-stale=true]")).to_have_count(0)  # of the tab before, fading


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_tab_in_any_sheet_and_in_present(quiet_page, served, theme):
    quiet_page.emulate_media(color_scheme=theme)
    page = opened(quiet_page, f"{served.url}/?{LANDSCAPE.to_query()}")
    grown(page, "step", 100)
    page.keyboard.press("Space")  # what is looked at does not depend on it, and axe has the machine to itself
    status(page, "paused")
    for tab in page.get_by_role("tab").all():
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        settled(page, tab.get_attribute("data-tab"))
        assert found(page, theme) == [], tab.inner_text()
    page.get_by_role("tab").first.click()
    for key in ("Keys", "Save", "Share"):
        page.get_by_role("button", name=key, exact=True).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert found(page, theme) == [], key
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("p")
    expect(page.locator("[data-testid=stSidebar]")).to_be_hidden()
    assert found(page, theme) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_a_lesson_for_its_audience_and_in_a_file(quiet_page, served, file, theme):
    quiet_page.emulate_media(color_scheme=theme)
    page = opened(quiet_page, f"{served.url}/?lesson=high-rate&depth=2&width=8&steps=30")
    status(page, "paused")
    settled(page)
    assert found(page, theme) == []
    page.keyboard.press("1")
    status(page, "finished")
    expect(page.locator(".bnviz-verdict")).to_contain_text("the run says")
    settled(page)
    assert found(page, theme) == []
    audience = f"{served.url}/bnviz/watch/{page.locator(PLAYER).get_attribute('data-run')}"
    seen = {audience: ("Layers", "One update", "Plane", "Findings"), file.as_uri(): ("Layers", "Findings")}
    for address, tabs in seen.items():
        page.goto(address)
        expect(page.locator(PLAYER)).to_have_attribute("data-seq", re.compile(r"^[1-9]"), timeout=30_000)
        for tab in tabs:  # what the other tabs show is drawn as on the whole page
            page.get_by_role("tab", name=tab, exact=True).click()
            expect(page.get_by_role("tab", name=tab, exact=True)).to_have_attribute("aria-selected", "true")
            assert found(page, theme) == [], (address, tab)
            # Nothing is asked of those who can only watch.
            expect(page.locator(".bnviz-notice").get_by_role("button")).to_have_count(0)


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


def test_twice_as_large_nothing_is_cut_off_in_slow_motion_plane_lesson_and_sheets(quiet_page, served):
    quiet_page.set_viewport_size({"width": 700, "height": 450})  # a window of 1400 x 900 at 200 %
    page = opened(quiet_page, f"{served.url}/?{FOLDS}")

    def whole(what):
        settled(page)
        assert (page.evaluate(WIDER) <= 0, page.evaluate(CUT)) == (True, []), what

    page.get_by_role("tab", name="One update").click()
    page.get_by_role("button", name="Stop here and look").click()
    expect(page.locator(".bnviz-words")).to_be_visible()
    whole("slow motion")
    page.get_by_role("tab", name="Plane").click()
    expect(page.locator(".bnviz-panel").nth(2)).to_be_visible()
    whole("plane")
    for key in ("f", "q"):
        page.keyboard.press(key)
        sheet = page.get_by_role("dialog")
        expect(sheet).to_be_visible()
        whole(key)
        for each in sheet.get_by_role("button").all():
            each.scroll_into_view_if_needed()
            expect(each).to_be_in_viewport(ratio=0.99)
        page.keyboard.press("Escape")
        expect(sheet).to_be_hidden()
    page.goto(f"{served.url}/?lesson=before")
    status(page, "paused")
    whole("lesson")
    option = page.locator(".bnviz-option").last
    option.scroll_into_view_if_needed()
    expect(option).to_be_in_viewport(ratio=0.99)


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
