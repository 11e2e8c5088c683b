"""The tabs of text in a real Chromium: cards in line, formulas that can be read, nothing wider than the screen."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from bnviz.charts.explanations import EXPLANATIONS
from bnviz.presets import PRESETS

from .conftest import SMALL, opened

CARDS = """() => [...document.querySelectorAll('[class*="st-key-gallery-card-"]')].map((card) => {
  const box = card.getBoundingClientRect();
  const start = card.querySelector('[class*="st-key-gallery-start-"] button').getBoundingClientRect();
  return {top: box.top, left: box.left, height: box.height, start: start.top};
})"""
FORMULAS = ".st-key-about .katex-display"


@pytest.mark.parametrize(("width", "columns"), [(1400, 3), (390, 1)])
def test_cards_of_a_row_are_of_one_height_with_their_buttons_in_line(quiet_page, served, width, columns):
    quiet_page.set_viewport_size({"width": width, "height": 900})
    page = opened(quiet_page, f"{served.url}/?{SMALL.to_query()}&tab=presets")
    expect(page.get_by_role("button", name="Start", exact=True)).to_have_count(len(PRESETS))
    page.wait_for_function(
        "() => [...document.querySelectorAll('.st-key-gallery img')].every(each => each.naturalWidth)"
    )
    cards = page.evaluate(CARDS)
    assert len({card["left"] for card in cards}) == columns
    for card in cards:
        row = [each for each in cards if abs(each["top"] - card["top"]) < 1]
        assert len(row) == columns
        for name in ("height", "start"):
            assert max(each[name] for each in row) - min(each[name] for each in row) < 1
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_every_formula_is_set_and_none_is_wider_than_a_phone(quiet_page, served):
    quiet_page.set_viewport_size({"width": 390, "height": 844})
    page = opened(quiet_page, f"{served.url}/?{SMALL.to_query()}&tab=about")
    for each in page.locator(".st-key-about summary").all():
        each.click()
    expect(page.locator(FORMULAS)).to_have_count(len(EXPLANATIONS))
    assert page.locator(".katex-error").count() == 0
    wide = f"[...document.querySelectorAll('{FORMULAS}')].filter((each) => each.scrollWidth > each.clientWidth)"
    assert page.evaluate(f"{wide}.map((each) => each.querySelector('annotation').textContent)") == []
    assert page.evaluate("document.documentElement.scrollWidth") == 390
