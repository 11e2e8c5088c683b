"""What people see and press, in a real Chromium."""

from __future__ import annotations

import re
import time

import numpy as np
from playwright.sync_api import expect

from bnviz.config import Arm, RunConfig
from bnviz.recording import Recording
from bnviz.serve.pool import SPARES
from tests.support.server import wait_for

from .conftest import PLAYER, SMALL, grown, number, opened, status


def settled(page):
    """Step and number of draws once nothing is left to draw: a busy machine draws late."""
    before = None
    while (now := (number(page, "step"), number(page, "seq"))) != before:
        before = now
        page.wait_for_timeout(1000)
    return now


def outlines(page, panel):
    """Heights of all layers of a ridgeline, on a common grid."""
    figure = f"document.querySelectorAll('.bnviz-player .js-plotly-plot')[{panel}]._fullData[0]"
    x, y = (np.array(page.evaluate(f"Array.from({figure}.{axis}, v => v ?? NaN)"), float) for axis in "xy")
    gaps = np.flatnonzero(np.isnan(x))
    layers = [part for part in np.split(np.arange(len(x)), gaps) if np.isfinite(x[part]).sum() > 1]
    rows = []
    for part in layers:
        known = part[np.isfinite(x[part])]
        rows.append(np.interp(np.linspace(-5, 5, 200), x[known], y[known]))
    return np.array(rows)


def cpu_seconds(server, over):
    """Processor time that the workers take within some seconds."""
    workers = server.workers()
    before = sum(sum(worker.cpu_times()[:2]) for worker in workers)
    time.sleep(over)
    return sum(sum(worker.cpu_times()[:2]) for worker in workers) - before


def test_it_opens_and_streams_by_itself(quiet_page, served):
    page = opened(quiet_page, served.url)
    step, seq = number(page, "step"), number(page, "seq")
    assert grown(page, "step", step + 200) > grown(page, "seq", seq + 5)
    sentence = page.locator(".bnviz-sentence")
    expect(sentence).to_contain_text("nothing is learned")
    expect(sentence).to_contain_text("With BatchNorm")
    assert page.locator(f"{PLAYER} .js-plotly-plot").count() >= 8
    expect(page).to_have_title("bnviz")


def test_paused_the_counter_stands_still_and_the_cpu_rests(quiet_page, alone):
    page = opened(quiet_page, alone.url)
    page.get_by_role("button", name="Pause", exact=True).click()
    status(page, "paused")
    at, seq = settled(page)
    # Where there is no fork, a spare worker comes some seconds after the start, and has to get warm.
    wait_for(lambda: len(alone.workers()) == 1 + SPARES and cpu_seconds(alone, over=0.5) < 0.1)
    page.wait_for_timeout(1000)
    assert (number(page, "step"), number(page, "seq")) == (at, seq)
    wait_for(lambda: cpu_seconds(alone, over=1.0) < 0.1)  # a spare on a busy machine may warm up in two goes
    page.get_by_role("button", name="Play", exact=True).click()
    grown(page, "step", at)


def test_a_step_is_one_step_also_by_keyboard(quiet_page, served):
    page = opened(quiet_page, f"{served.url}/?{SMALL.to_query()}")
    status(page, "running")  # until its page looks a new run rests, and Space would mean Play
    page.keyboard.press("Space")
    status(page, "paused")
    page.get_by_role("button", name="Step", exact=True).click()
    at = grown(page, "step", 0)
    at, _ = settled(page)
    for expected in (at + 1, at + 2):
        page.keyboard.press("ArrowRight")
        expect(page.locator(PLAYER)).to_have_attribute("data-step", str(expected), timeout=10_000)
    page.wait_for_timeout(300)
    assert number(page, "step") == at + 2
    page.keyboard.press("Space")
    status(page, "running")


def test_the_toggle_changes_the_histograms_of_that_arm_alone(quiet_page, served):
    page = opened(quiet_page, f"{served.url}/?{SMALL.to_query()}")
    grown(page, "step", 100)
    page.keyboard.press("Space")
    status(page, "paused")
    settled(page)
    plain, batch = outlines(page, 0), outlines(page, 1)
    step = number(page, "step")
    page.keyboard.press("b")  # BatchNorm of the selected arm, the first
    title = page.locator(".bnviz-arm").get_by_text(f"BatchNorm · since step {step + 1}").first
    expect(title).to_be_visible(timeout=10_000)
    page.keyboard.press("ArrowRight")
    expect(page.locator(PLAYER)).to_have_attribute("data-step", str(step + 1), timeout=10_000)
    page.wait_for_timeout(500)

    plain_moved, batch_moved = np.abs(outlines(page, 0) - plain), np.abs(outlines(page, 1) - batch)
    assert len(plain) == len(batch) == 4
    assert plain_moved.mean() > 1.5 * batch_moved.mean()  # that of a fresh batch
    expect(page.get_by_role("switch").first.or_(page.get_by_role("checkbox").first)).to_be_checked()
    assert "arms=batch%2Cbatch" in page.url


def test_a_link_restores_a_config(quiet_page, served):
    config = RunConfig(
        dataset="moons", depth=2, width=16, activation="tanh", seed=42, steps=500_000, arms=(Arm("layer"),)
    )
    page = opened(quiet_page, f"{served.url}/?{config.to_query()}")
    run = page.locator(PLAYER).get_attribute("data-run")
    page.wait_for_url(lambda url: run in url)
    assert RunConfig.from_query(re.sub(r"&run=[^&]*", "", page.url.split("?")[1])) == config
    with page.expect_download() as download:
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_role("dialog", name="Save").get_by_role("button", name="Recording", exact=True).click()
    assert Recording.load(download.value.path()).config == config


def test_two_tabs_share_one_run(quiet_page, served, context):
    page = opened(quiet_page, f"{served.url}/?{SMALL.to_query()}")
    page.wait_for_url("**run=*")
    other = opened(context.new_page(), page.url)
    assert other.locator(PLAYER).get_attribute("data-run") == page.locator(PLAYER).get_attribute("data-run")
    page.bring_to_front()
    page.get_by_role("button", name="Pause", exact=True).click()
    status(page, "paused")
    status(other, "paused")
    assert number(page, "step") == number(other, "step")


def test_another_visitor_only_watches(quiet_page, served, browser):
    page = opened(quiet_page, f"{served.url}/?{SMALL.to_query()}")
    page.wait_for_url("**run=*")
    theirs = browser.new_context(viewport={"width": 1400, "height": 900})
    other = opened(theirs.new_page(), page.url)
    expect(other.get_by_role("button", name="Pause", exact=True)).to_be_disabled()
    expect(other.get_by_text("You are watching somebody's run.")).to_be_visible()
    other.keyboard.press("Space")
    grown(page, "step", number(page, "step") + 50)
    theirs.close()


def test_a_reload_keeps_the_run_and_its_owner(quiet_page, served):
    page = opened(quiet_page, f"{served.url}/?{SMALL.to_query()}")
    page.wait_for_url("**run=*")
    run = page.locator(PLAYER).get_attribute("data-run")
    grown(page, "step", 200)
    page.reload()
    opened(page, page.url)
    assert page.locator(PLAYER).get_attribute("data-run") == run
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_enabled()
    assert number(page, "step") > 200


def test_zoom_survives_updates(quiet_page, served):
    page = opened(quiet_page, f"{served.url}/?{SMALL.to_query()}")
    grown(page, "step", 100)
    box = page.locator(f"{PLAYER} .js-plotly-plot").first.locator(".nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.3)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.7, steps=5)
    page.mouse.up()
    axis = "Array.from(document.querySelector('.bnviz-player .js-plotly-plot').layout.xaxis.range)"
    page.wait_for_timeout(300)
    zoomed = page.evaluate(axis)
    grown(page, "seq", number(page, "seq") + 10)
    assert page.evaluate(axis) == zoomed


def test_hover_names_layer_step_and_value_paused_and_live(quiet_page, served):
    page = opened(quiet_page, f"{served.url}/?{SMALL.to_query()}")
    grown(page, "step", 50)
    label = page.locator(f"{PLAYER} .hoverlayer .hovertext").first
    for chart in (0, 2):  # a distribution, the gradient's profile
        box = page.locator(f"{PLAYER} .js-plotly-plot").nth(chart).locator(".nsewdrag").first.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.move(box["x"] + box["width"] / 2 + 2, box["y"] + box["height"] / 2 + 1)
        expect(label).to_contain_text(re.compile(r"(layer \d|output) · step \d+ · .*(85 %: -?\d|gradient norm \d)"))
        told = label.text_content()
        expect(label).not_to_have_text(told)  # the next step's, under a resting mouse
        page.keyboard.press("Space")
        status(page, "paused")
        expect(label).to_contain_text(f"step {number(page, 'step')} ")
        page.keyboard.press("Space")


def test_nothing_jumps_while_it_streams(quiet_page, served):
    page = opened(quiet_page, f"{served.url}/?{SMALL.to_query()}")
    grown(page, "step", 200)
    figures = "document.querySelectorAll('.bnviz-player .js-plotly-plot')"
    places = f"Array.from({figures}, e => JSON.stringify(e.getBoundingClientRect()))"
    before = page.evaluate(places)
    for _ in range(5):
        grown(page, "seq", number(page, "seq") + 5)
        assert page.evaluate(places) == before


def test_on_a_phone_nothing_scrolls_sideways(quiet_page, served):
    quiet_page.set_viewport_size({"width": 390, "height": 844})
    page = opened(quiet_page, served.url)
    grown(page, "step", 100)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    everything = "Array.from(document.querySelectorAll('.bnviz-player *'))"
    wide = f"{everything}.filter(e => e instanceof HTMLElement && e.getBoundingClientRect().right > 391).length"
    assert page.evaluate(wide) == 0
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
