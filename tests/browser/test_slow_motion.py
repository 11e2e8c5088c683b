"""Slow motion and the plane in a real Chromium."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from bnviz.config import RunConfig

from .conftest import PLAYER, number, opened, status

pytestmark = pytest.mark.long

SPIRAL = RunConfig(dataset="spiral", depth=3, width=16, batch_size=64, steps=1_000_000)
STAGES = 13
CIRCLES = """() => [...document.querySelectorAll('.bnviz-plot')].every(({ _fullLayout: { xaxis, yaxis } }) => {
  const [across, up] = [xaxis, yaxis].map(({ _length, range }) => _length / (range[1] - range[0]));
  return Math.abs(across / up - 1) < 0.01;
})"""
"""Whether a unit is as many pixels wide as it is high, in every chart."""


@pytest.fixture(scope="module")
def link(served):
    return f"{served.url}/?{SPIRAL.to_query()}"


def test_an_update_stage_by_stage_by_keys_alone(quiet_page, link):
    page = opened(quiet_page, f"{link}&tab=update")
    page.get_by_role("button", name="Stop here and look").click()
    status(page, "paused")
    words, places = page.locator(".bnviz-words"), page.locator(".bnviz-places button")
    heading = words.get_by_role("heading")
    expect(heading).to_have_text("What comes in", timeout=20_000)
    expect(places).to_have_count(STAGES)
    step = number(page, "step")
    expect(words).to_contain_text(f"1 of {STAGES} · step {step}")
    for key, text in ((".", "Weigh and add up"), (".", "Mean and spread"), (",", "Weigh and add up")):
        page.keyboard.press(key)
        expect(heading).to_have_text(text)
    places.filter(has_text="∂ normalize").click()
    expect(heading).to_have_text("Back through the normalization")
    expect(page.locator(f"{PLAYER} .bnviz-layers .js-plotly-plot")).to_have_count(3)
    expect(page.locator(f"{PLAYER} .bnviz-series .js-plotly-plot")).to_have_count(4)  # decisions, three hidden layers
    assert page.locator(".bnviz-formulas math").first.evaluate("(e) => e.namespaceURI").endswith("MathML")
    assert page.locator(".bnviz-formulas mfrac").count() >= 2
    page.get_by_label("Network seen close by").select_option(index=0)
    expect(places.filter(has_text="∂ normalize")).to_be_disabled(timeout=20_000)
    expect(heading).to_have_text("The gradient of the weights")  # the next stage that this network has
    page.get_by_role("button", name="Step", exact=True).click()
    expect(words).to_contain_text(f"· step {step + 1}", timeout=20_000)
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Stop here and look")).to_be_visible(timeout=20_000)
    expect(words).to_be_hidden()


def test_the_plane_is_drawn_while_training_goes_on_also_on_a_phone(quiet_page, link):
    quiet_page.set_viewport_size({"width": 390, "height": 844})
    page = opened(quiet_page, f"{link}&tab=plane")
    expect(page.locator(f"{PLAYER} .js-plotly-plot")).to_have_count(2 + 3, timeout=20_000)
    first = "document.querySelector('.bnviz-plot')?.data?.[0]?.z?.[7]?.[9]"
    before = page.wait_for_function(f"() => {first}", timeout=20_000).json_value()
    page.wait_for_function(f"() => {first} !== {before}", timeout=20_000)
    page.wait_for_function(CIRCLES, timeout=20_000)
    title = page.locator(".bnviz-title", has_text=re.compile("its layers below"))
    expect(title).to_contain_text("BatchNorm")
    page.get_by_text("show its layers", exact=True).click()
    expect(title).to_contain_text("no normalization")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
