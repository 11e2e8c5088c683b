"""Networks that come into a run and leave it, by keys and buttons, in a real Chromium."""

from __future__ import annotations

import io
import re

import pytest
from playwright.sync_api import expect

from bnviz.config import RunConfig
from bnviz.recording import Recording

from .conftest import PLAYER, grown, number, opened, status

pytestmark = pytest.mark.long

CONFIG = RunConfig(dataset="iris", depth=2, width=8, learning_rate=0.1, steps=1_000_000)
ROWS = '[data-testid="stSidebar"] [class*="st-key-arm-row-"]'


def names(page):
    return page.locator(f"{PLAYER} .bnviz-layers .bnviz-arm")


def colors(page):
    return page.evaluate("[...document.querySelectorAll('.bnviz-arm')].map((arm) => getComputedStyle(arm).color)")


def recording(page):
    """The whole of the run, as Save hands it out."""
    with page.expect_download() as found:
        page.get_by_role("button", name="Save", exact=True).click()
        page.locator("dialog").get_by_role("button", name="Recording", exact=True).click()
    with open(found.value.path(), "rb") as file:
        return Recording.read(io.BytesIO(file.read()))


def test_a_fork_joins_the_run_is_drawn_alone_named_and_dropped(quiet_page, served):
    page = opened(quiet_page, f"{served.url}/?{CONFIG.to_query()}")
    run, before = page.locator(PLAYER).get_attribute("data-run"), grown(page, "step", 50)
    expect(names(page)).to_have_count(2)
    page.keyboard.press("f")
    expect(page.get_by_role("dialog", name="Fork")).to_be_visible()
    page.keyboard.press("Enter")  # the obvious: the selected network, normalization flipped, from now on
    wanted = ("^.no normalization$", "^.BatchNorm$", r"BatchNorm · forked at step \d+$")  # after their markers
    expect(names(page)).to_have_text([re.compile(each) for each in wanted])
    expect(names(page).nth(2)).to_have_attribute("aria-pressed", "true")
    expect(page.locator(ROWS)).to_have_count(3)
    shown = colors(page)
    # Its switch, by the key of the selected network, acts in the running net.
    page.keyboard.press("b")
    expect(names(page).nth(2)).to_have_text(re.compile(r"no normalization · since step \d+"))
    page.keyboard.press("s")
    expect(names(page)).to_have_count(1)
    assert colors(page) == shown[2:]
    page.get_by_role("button", name="Solo ×").click()
    expect(names(page)).to_have_count(3)
    page.get_by_role("button", name="Fork", exact=True).click()
    page.get_by_label("Name of BatchNorm", exact=True).fill("the middle one")
    page.get_by_label("Name of BatchNorm", exact=True).press("Tab")
    expect(names(page).nth(1)).to_have_text(re.compile("the middle one$"))
    page.get_by_role("button", name="Drop no normalization:").click()
    expect(names(page)).to_have_count(2)
    expect(page.locator(ROWS)).to_have_count(2)
    assert colors(page) == shown[1:]
    expect(page.locator(".bnviz-sentence")).to_contain_text("“the middle one”")
    assert page.locator(PLAYER).get_attribute("data-run") == run
    assert number(page, "step") > before  # nothing began anew


def test_a_fork_from_the_past_and_undoing_are_in_the_recording(quiet_page, served):
    page = opened(quiet_page, f"{served.url}/?{CONFIG.to_query()}")
    grown(page, "step", 300)
    page.keyboard.press(" ")
    status(page, "paused")
    at = number(page, "step")
    slider = page.get_by_role("slider", name="Step shown")
    box = slider.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 8, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    page.wait_for_function(f"() => document.querySelector('{PLAYER}').dataset.step < {at // 2}")
    page.keyboard.press("f")
    past = int(page.get_by_role("dialog").get_by_label("from").input_value())  # the step looked at
    assert 0 < past < at // 2
    page.keyboard.press("Enter")
    expect(names(page).nth(2)).to_have_text(re.compile(rf"BatchNorm · forked at step {past}$"), timeout=20_000)
    status(page, "paused")
    page.wait_for_function(f"() => document.querySelector('{PLAYER}').dataset.step == {at}")
    page.keyboard.press("b")  # takes the fork's BatchNorm out, where the run stands
    expect(names(page).nth(2)).to_have_text(re.compile("no normalization · since"))
    page.keyboard.press("u")
    expect(names(page)).to_have_count(4, timeout=20_000)  # it is trained from the start to here
    expect(names(page).nth(3)).to_have_text(re.compile(r"BatchNorm · forked at step \d+"))
    page.keyboard.press("u")
    expect(page.locator(".bnviz-problem")).to_contain_text("That change is undone already")
    kept = recording(page)
    assert [(event.kind, event.arm) for event in kept.events] == [
        ("fork", "none"), ("fork", "batch (2)"), ("change", "batch (2)"),
    ]  # fmt: skip
    steps = {arm: [frame.step for frame in kept.frames if frame.arm == arm] for arm in ("none", "batch (2)")}
    assert steps["none"] == sorted(set(steps["none"]))
    assert steps["batch (2)"] == [step for step in steps["none"] if step >= past]
    assert steps["none"][-1] == at
