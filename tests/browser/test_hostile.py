"""What others have written, in links, names, files and recordings, is text wherever it is shown, in a real Chromium."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from bnviz.cli import main
from bnviz.config import RunConfig
from bnviz.frames import Description, Event
from bnviz.recording import Recording
from bnviz.training import train
from tests.support.server import dashboard

from .conftest import SMALL, opened

HTML = '<img src=x onerror="hacked=1"><script>hacked=1</script><a href="javascript:hacked=1">a</a></script>'
MARKDOWN = "[b](https://evil.example) ![c](https://evil.example/x.png) www.evil.example me@evil.example $d$ `e`"
HOSTILE = f"{HTML} {MARKDOWN} %{{x}} &lt;i&gt;"
FOUND = """() => [
  ...(window.hacked ? ["a script ran"] : []),
  ...[...document.querySelectorAll("img, a, script, iframe, object, svg a, svg image")].filter((each) =>
    [...each.attributes].some(({name, value}) => name.startsWith("on") ||
      (/href|src|data/.test(name) && !value.startsWith("data:") && /evil|javascript:|hacked|^x$/.test(value))) ||
    (each.localName === "script" && each.type !== "application/json" && /hacked/.test(each.textContent)),
  ).map((each) => each.outerHTML.slice(0, 200)),
]"""
MIDDLES = """() => [...document.querySelectorAll(".js-plotly-plot .nsewdrag")].map((each) => {
  const {x, y, width, height} = each.getBoundingClientRect();
  return [x + width / 2, y + height / 2];
})"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A recording of which every name is hostile."""
    layers = tuple(f"{place} {HOSTILE}" for place in range(3))
    arms = [f"{place} {HOSTILE}" for place in range(2)]
    frames = list(train(RunConfig(depth=2, width=8, steps=30)))
    places = {frame.arm: place for place, frame in enumerate(frames[:2])}
    named = tuple(replace(each, arm=arms[places[each.arm]], layers=layers) for each in frames)
    events = (Event(10, "diverged", arms[0]), Event(20, "change", arms[1], {"learning_rate": "0.5"}))
    file = tmp_path_factory.mktemp("hostile") / "<img src=x onerror=hacked=1> [b](javascript:hacked=1).arrow"
    Recording(Description(layers, tuple(arms)), named, events).save(file)
    return file


@pytest.fixture(scope="module")
def watched(hostile, tmp_path_factory):
    """A server on which it is opened."""
    command = [sys.executable, "-m", "bnviz.cli", "--no-browser", "--recordings", str(tmp_path_factory.mktemp("kept"))]
    with dashboard(*command, "open", str(hostile)) as server:
        yield server


def harmless_in_every_tab(page):
    for tab in page.get_by_role("tab").all():
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        expect(page.locator("[data-test-script-state=running]")).to_have_count(0, timeout=60_000)
        for x, y in page.evaluate(MIDDLES):  # where a chart says what is under the pointer
            page.mouse.move(x, y)
        assert page.evaluate(FOUND) == []


def test_names_of_a_recording_are_text_on_every_page(quiet_page, watched, hostile, tmp_path):
    page, run = quiet_page, re.search(r"run=(\S+)", watched.log.read_text())[1]
    opened(page, f"{watched.url}/?run={run}")
    expect(page.locator(".bnviz-sentence")).to_contain_text("<img src=x")
    harmless_in_every_tab(page)
    opened(page, f"{watched.url}/bnviz/watch/{run}")
    harmless_in_every_tab(page)
    file = tmp_path / "page.html"
    assert main(["export", str(hostile), "--html", str(file)]) == 0
    opened(page, file.as_uri())
    harmless_in_every_tab(page)


def test_what_a_link_and_a_file_of_ones_own_say_is_text(quiet_page, watched, tmp_path):
    names = "&".join(f"{quote(text)}={quote(text)}" for text in (HTML, MARKDOWN))
    odd = f"&lesson={quote(MARKDOWN)}&tab={quote(HTML)}&hide={quote(MARKDOWN)}&dataset={quote(HOSTILE)}"
    page = opened(quiet_page, f"{watched.url}/?{SMALL.to_query()}&{names}{odd}")
    notice = page.get_by_test_id("stAlert").filter(has_text="Unknown setting")
    expect(notice).to_contain_text("<img src=x onerror=")
    expect(notice).to_contain_text("[b](https:")
    assert page.evaluate(FOUND) == []
    page.get_by_role("combobox", name="Data").click()
    page.get_by_role("option", name="Your own file").click()
    table = tmp_path / "<img src=x onerror=hacked=1>[b](javascript:hacked=1).csv"
    column = "<img src=x onerror=hacked=1> [b](https://evil.example) www.evil.example $d$ `e`"  # at most 100 letters
    rows = "".join(f"{row},{row % 3}.5,<b>{row % 2}</b>\n" for row in range(60))
    table.write_text(f"1 {column},2 {column},3 {column}\n{rows}")
    page.locator("input[type=file]").set_input_files(table)
    expect(page.get_by_test_id("stSidebar").get_by_text("rows to train")).to_be_visible(timeout=90_000)
    expect(page).to_have_url(re.compile("dataset=own-"), timeout=60_000)
    page.get_by_role("combobox", name="Target").click()
    expect(page.get_by_role("option").first).to_contain_text("<img src=x")
    assert page.evaluate(FOUND) == []
