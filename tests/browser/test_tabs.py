"""The tabs of a real run, in a real Chromium."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from bnviz.config import RunConfig

from .conftest import PLAYER, SMALL, grown, number, opened

LIVE = {"Over time": 7, "Landscape": 4, "Train vs eval": 6, "Updates": 7, "Layers": 9}
"""Titles of the tabs with charts, and how many charts each has in a run of two sigmoid networks."""
LANDSCAPE = RunConfig(depth=4, width=32, steps=1_000_000, landscape="0.5-4")
DRAWN = f"""() => Math.min(...[...document.querySelectorAll('{PLAYER} .js-plotly-plot')]
  .filter((plot) => plot.layout?.yaxis2).map((plot) => Math.max(0, ...plot.data.filter((trace) => trace.x?.length > 2)
  .flatMap((trace) => [...trace.x]).filter((x) => x === x))))"""
"""The step up to which every chart over steps is drawn."""
WIDE = f"[...document.querySelectorAll('{PLAYER} *')].filter((e) => e instanceof HTMLElement"
WIDE += " && e.getBoundingClientRect().right > innerWidth + 1).length"


def tab(page, title):
    return page.get_by_role("tab", name=title, exact=True)


def shown(page, title):
    """Open a tab, and wait until its charts are drawn."""
    tab(page, title).click()
    expect(tab(page, title)).to_have_attribute("aria-selected", "true")
    charts = page.locator(f"{PLAYER} .js-plotly-plot")
    expect(charts).to_have_count(LIVE[title], timeout=20_000)
    for chart in charts.all():
        expect(chart.locator(".main-svg").first).to_be_visible()


def test_every_live_tab_draws_and_grows(quiet_page, served):
    page = opened(quiet_page, f"{served.url}/?{LANDSCAPE.to_query()}")
    run = page.locator(PLAYER).get_attribute("data-run")
    for title in LIVE:
        shown(page, title)
        at = number(page, "step")
        page.wait_for_function(f"() => ({DRAWN})() > {at}", timeout=20_000)
        expect(page.locator(".bnviz-sentence")).to_contain_text("BatchNorm")
    assert page.locator(PLAYER).get_attribute("data-run") == run


def test_the_heatmap_is_drawn_and_told_under_the_mouse(quiet_page, served):
    page = opened(quiet_page, f"{served.url}/?{SMALL.to_query()}&tab=time")
    grown(page, "step", 300)
    heatmap = page.locator(f"{PLAYER} .js-plotly-plot:has(.heatmaplayer image)")
    expect(heatmap).to_have_count(2)
    page.keyboard.press("Space")
    expect(page.locator(PLAYER)).to_have_attribute("data-status", "paused")
    page.wait_for_timeout(1000)
    box = heatmap.first.locator(".nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.1, box["y"] + box["height"] * 0.5)
    page.mouse.move(box["x"] + box["width"] * 0.1 + 2, box["y"] + box["height"] * 0.5 + 1)
    expect(heatmap.first.locator(".hovertext")).to_contain_text(re.compile(r"layer 3 · step \d+ · no normalization"))
    page.get_by_label("Layer drawn").select_option("layer 1")
    expect(page.locator(".bnviz-title", has_text="Density")).to_contain_text("layer 1")


def test_findings_are_listed_in_the_colours_of_the_networks(quiet_page, served):
    page = opened(quiet_page, f"{served.url}/?tab=findings")
    grown(page, "step", 300)
    listed = page.locator(".bnviz-findings")
    expect(listed.get_by_role("heading")).to_have_count(2, timeout=20_000)
    expect(listed).to_contain_text("nothing is learned")
    expect(listed.locator(".bnviz-mark").first).to_have_text(re.compile("agrees|disagrees|open"))
    orange, blue = (listed.locator("strong", has_text=name).first for name in ("ithout norm", "ith BatchNorm"))
    colors = [each.evaluate("(e) => getComputedStyle(e).color") for each in (orange, blue)]
    assert colors == ["rgb(194, 80, 26)", "rgb(31, 98, 190)"]
    assert page.locator(f"{PLAYER} .js-plotly-plot").count() == 0


def test_the_landscape_is_measured_at_a_click(quiet_page, served):
    page = opened(quiet_page, f"{served.url}/?{SMALL.to_query()}&tab=landscape")
    run = page.locator(PLAYER).get_attribute("data-run")
    page.get_by_role("button", name="Measure the landscape").click()
    expect(page.locator(f"{PLAYER} .js-plotly-plot")).to_have_count(4, timeout=20_000)
    page.wait_for_url("**landscape=0.5-4**")
    beta = "document.querySelectorAll('.bnviz-player .js-plotly-plot')[2].data[0].y"
    page.wait_for_function(f"() => Array.from({beta} ?? []).some((value) => value > 0)")
    assert page.locator(PLAYER).get_attribute("data-run") == run


def test_a_tab_survives_a_reload_and_keys_move_between_tabs(quiet_page, served):
    page = opened(quiet_page, f"{served.url}/?{SMALL.to_query()}")
    shown(page, "Updates")
    page.wait_for_url("**tab=updates**")
    page.reload()
    opened(page, page.url)
    expect(tab(page, "Updates")).to_have_attribute("aria-selected", "true")
    step = number(page, "step")
    tab(page, "Updates").focus()
    page.keyboard.press("ArrowRight")
    expect(tab(page, "One update")).to_be_focused()
    page.wait_for_url(re.compile("tab=update$"))
    page.keyboard.press("Home")
    expect(tab(page, "Layers")).to_have_attribute("aria-selected", "true")
    expect(page.locator(f"{PLAYER} .js-plotly-plot")).to_have_count(LIVE["Layers"], timeout=20_000)
    grown(page, "step", step)


@pytest.mark.parametrize("title", ["Presets", "What is this?"])
def test_tabs_of_text_put_the_charts_away_and_the_run_goes_on(quiet_page, served, title):
    page = opened(quiet_page, f"{served.url}/?{SMALL.to_query()}")
    tab(page, title).click()
    expect(page.locator(".bnviz-body")).to_be_hidden()
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    grown(page, "step", number(page, "step") + 100)
    tab(page, "Layers").click()
    expect(page.locator(".bnviz-body")).to_be_visible()
    expect(page.locator(f"{PLAYER} .js-plotly-plot")).to_have_count(LIVE["Layers"], timeout=20_000)


def test_a_preset_starts_from_its_card(quiet_page, served):
    page = opened(quiet_page, f"{served.url}/?{SMALL.to_query()}&tab=presets")
    page.get_by_role("button", name="Start", exact=True).nth(2).click()
    expect(tab(page, "Layers")).to_have_attribute("aria-selected", "true", timeout=20_000)
    expect(page.locator(".bnviz-body")).to_be_visible()
    page.wait_for_function("() => !location.search.includes('tab=')")
    tab(page, "Presets").click()
    page.get_by_role("button", name="Start", exact=True).nth(1).click()  # Ioffe's Fig. 1: percentiles over time
    expect(tab(page, "Over time")).to_have_attribute("aria-selected", "true", timeout=20_000)


def test_titles_explain_their_charts(quiet_page, served):
    page = opened(quiet_page, f"{served.url}/?{SMALL.to_query()}")
    title = page.locator(".bnviz-title", has_text="Gradient norm").first
    expect(title).to_have_attribute("title", "How strongly the loss of this batch pulls at each layer's weights.")
    first = page.locator(".bnviz-plot").first
    expect(first).to_have_accessible_description(re.compile("1.7 rows"))


def test_on_a_phone_no_tab_scrolls_sideways(quiet_page, served):
    quiet_page.set_viewport_size({"width": 390, "height": 844})
    page = opened(quiet_page, f"{served.url}/?{LANDSCAPE.to_query()}")
    for title in LIVE:
        shown(page, title)
        page.wait_for_timeout(300)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 390, title
        assert page.evaluate(WIDE) == 0, title
    tab(page, "Findings").click()
    expect(page.locator(".bnviz-findings li").first).to_be_visible()
    assert page.evaluate(WIDE) == 0
