"""The timeline of a run that goes on: looking back, moving, marks, and steps on a logarithmic scale."""

from __future__ import annotations

import math
import re

import pytest
from playwright.sync_api import expect

from .conftest import PLAYER, SMALL, grown, number, opened, status

pytestmark = pytest.mark.long

CURSORS = f"""() => [...document.querySelectorAll('{PLAYER} .js-plotly-plot')].filter((plot) => plot.layout?.yaxis2)
  .map((plot) => plot._fullData.at(-1).x?.[0] ?? null)"""
"""Where each chart over steps has its line at the step shown."""
STEP_OF_ROWS = f"() => document.querySelector('{PLAYER} .js-plotly-plot')._fullData[1].customdata[0][4]"
SLIDER = "() => ['min', 'value', 'max'].map((name) => Number(document.querySelector('.bnviz-timeline input')[name]))"


def shows(page, step):
    """Wait until every chart, and the page itself, is at a step."""
    expect(page.locator(PLAYER)).to_have_attribute("data-step", str(step))
    page.wait_for_function(f"(step) => ({CURSORS})().every((place) => place === step)", arg=step)
    assert page.evaluate(STEP_OF_ROWS) == step


def test_everything_goes_back_to_a_step_while_training_goes_on(quiet_page, served):
    page = opened(quiet_page, f"{served.url}/?{SMALL.to_query()}")
    grown(page, "step", 150)
    sentence = page.locator(".bnviz-sentence")
    expect(sentence).to_contain_text("accuracy is")
    page.keyboard.press("b")
    mark = page.locator(".bnviz-event")
    expect(mark).to_have_accessible_name(re.compile(r"BatchNorm, step \d+: no normalization → BatchNorm"))
    flipped = int(re.search(r"step (\d+)", mark.get_attribute("aria-label"))[1])
    grown(page, "step", flipped + 50)
    box = page.get_by_label("Step shown").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 9, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 7, box["y"] + box["height"] / 2, steps=8)
    shows(page, 0)
    page.mouse.up()
    expect(sentence).not_to_contain_text("accuracy is")  # nothing is learned at step 0
    expect(page.locator(".bnviz-layers")).not_to_contain_text("since step")  # and nothing is changed yet
    before = page.evaluate(SLIDER)[2]
    page.keyboard.press("ArrowRight")
    shows(page, 10)
    page.keyboard.press("ArrowLeft")
    shows(page, 0)
    page.wait_for_function(f"(before) => ({SLIDER})()[2] > before + 20", arg=before)
    status(page, "running")  # all the while
    mark.press("Enter")
    expect(page.locator(PLAYER)).to_have_attribute("data-step", re.compile(r"^[1-9]"))
    at = number(page, "step")
    assert flipped <= at <= flipped + 30
    shows(page, at)
    expect(page.locator(".bnviz-layers")).to_contain_text(f"since step {flipped}")
    page.keyboard.press("l")
    page.get_by_role("button", name="Pause", exact=True).click()
    status(page, "paused")
    page.wait_for_timeout(1500)
    live = number(page, "step")
    assert live > before
    page.keyboard.press("ArrowRight")
    expect(page.locator(PLAYER)).to_have_attribute("data-step", str(live + 1))  # of training


def test_steps_on_a_logarithmic_scale_and_marks_that_stand_close_on_a_phone(quiet_page, served):
    quiet_page.set_viewport_size({"width": 390, "height": 844})
    page = opened(quiet_page, f"{served.url}/?{SMALL.to_query()}")
    grown(page, "step", 200)
    page.keyboard.press("b")
    expect(page.locator(".bnviz-event")).to_have_count(1)
    page.keyboard.press("b")
    page.keyboard.press("Space")
    status(page, "paused")
    page.get_by_role("button", name="log", exact=True).click()
    page.wait_for_function("""() => [...document.querySelectorAll('.bnviz-series .js-plotly-plot')].every((plot) =>
      plot.layout.xaxis.ticktext?.slice(0, 4).join() === '0,1,10,100')""")
    low, _, high = page.evaluate(SLIDER)
    assert low == 0
    assert 2 < high < 5
    page.get_by_label("Step shown").fill(str(math.log10(1 + 50)))
    expect(page.locator(PLAYER)).to_have_attribute("data-step", "50")
    page.wait_for_function(f"() => ({CURSORS})().every((place) => Math.abs(place - Math.log10(51)) < 1e-5)")
    events = page.locator(".bnviz-event")
    expect(events).to_have_count(1)
    expect(events).to_have_accessible_name(re.compile(r"2 events, steps \d+ to \d+"))
    size = events.bounding_box()
    assert min(size["width"], size["height"]) >= 24
    events.click()
    listed = page.get_by_role("dialog", name="Events")
    expect(listed.get_by_role("button", name="BatchNorm", exact=True)).to_be_visible()
    listed.get_by_role("button", name="no normalization", exact=True).click()
    expect(listed).to_be_hidden()
    expect(page.locator(PLAYER)).not_to_have_attribute("data-step", "50")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
