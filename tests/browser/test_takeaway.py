"""A recording as one HTML file, opened from disk: it draws what a server would send, and asks nobody for anything."""

from __future__ import annotations

import re
import struct
from base64 import b64decode
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from bnviz.as_pytorch import script
from bnviz.charts import figures
from bnviz.charts.look import PALETTE
from bnviz.charts.scene import View
from bnviz.cli import main
from bnviz.recording import Recording
from bnviz.serve.messages import findings_of, scene_of, words_of
from bnviz.source import Kept
from tests.support.trained import run

from .conftest import PLAYER, number

pytestmark = pytest.mark.long

NUMBERS = """() => {
  const number = (value) => (value?.length === undefined ? (Number.isNaN(value) ? null : value) : numbers(value));
  const numbers = (row) => [...row].map(number);
  const arrays = (trace) => ['x', 'y', 'z'].map((name) => trace[name] && numbers(trace[name]));
  return [...document.querySelectorAll('.bnviz-player .js-plotly-plot')].map((plot) => plot._fullData.map(arrays));
}"""


@pytest.fixture(scope="module")
def recording():
    settings = {"steps": 60, "measure_every": 5, "depth": 3, "width": 8, "landscape": "0.5-4", "activation": "tanh"}
    made = run(30, lambda trainer: trainer.change("none", normalization="layer"), **settings)
    return Recording(made.config, tuple(frame for frames in made.steps for frame in frames), made.events)


@pytest.fixture(scope="module")
def file(recording, tmp_path_factory):
    folder = tmp_path_factory.mktemp("takeaway")
    recording.save(folder / "run.arrow")
    assert main(["export", str(folder / "run.arrow"), "--html", str(folder / "page.html")]) == 0
    return folder / "page.html"


@pytest.fixture
def opened_file(quiet_page, file):
    """The page, from disk, with every other address closed; what it asked for."""
    asked: list[str] = []
    quiet_page.on("request", lambda request: asked.append(request.url))
    quiet_page.route(re.compile("^https?:"), lambda route: route.abort())
    quiet_page.goto(file.as_uri())
    expect(quiet_page.locator(PLAYER)).to_have_attribute("data-seq", re.compile("^[1-9]"))
    yield quiet_page
    assert asked == [file.as_uri()]


def drawn(page):
    """The numbers of every chart on the page, in order."""
    page.wait_for_timeout(100)
    seq = None
    while (now := number(page, "seq")) != seq:  # until nothing is left to draw
        seq = now
        page.wait_for_timeout(250)
    return page.evaluate(NUMBERS)


def plain(value):
    """An encoded array, or a list, as numbers; what is not finite as NaN."""
    if not isinstance(value, dict):
        return np.array([] if value is None else value, float)
    array = np.frombuffer(b64decode(value["bdata"]), value["dtype"]).astype(float)
    array = array.reshape([int(part) for part in value["shape"].split(",")]) if "shape" in value else array
    return np.where(np.isfinite(array), array, np.nan)


def expected(recording, step, view):
    """What the charts of a view show at a step, by the functions that a server calls."""
    made = figures(scene_of(Kept(recording), step), view)
    order = [each["id"] for group in ("layers", "series") for each in made["grid"] if each["group"] == group]
    return [[[plain(trace.get(name)) for name in "xyz"] for trace in made["figures"][id]["data"]] for id in order]


def same(found, wanted):
    assert len(found) == len(wanted)
    for chart, twin in zip(found, wanted, strict=True):
        for trace, other in zip(chart, twin, strict=True):
            for values, numbers in zip(trace, other, strict=True):
                assert np.array_equal(plain(values), numbers, equal_nan=True)


def text(spans):
    return "".join(span["text"] for span in spans)


def test_every_tab_shows_what_a_server_would_send_at_any_step(opened_file, recording):
    page, kept = opened_file, Kept(recording)
    same(drawn(page), expected(recording, 55, View()))
    page.get_by_label("Step shown").fill("20")
    for tab, title in {"layers": "Layers", "time": "Over time", "landscape": "Landscape", "modes": "Train vs eval",
                       "updates": "Updates"}.items():  # fmt: skip
        page.get_by_role("tab", name=title, exact=True).click()
        expect(page.locator(PLAYER)).to_have_attribute("data-step", "20")
        same(drawn(page), expected(recording, 20, View(tab=tab)))
        expect(page.locator(".bnviz-sentence")).to_have_text(text(words_of(scene_of(kept, 20))))
    page.get_by_role("tab", name="Findings").click()
    items = [text(item["spans"]) for part in findings_of(scene_of(kept, 20)) for item in part["items"]]
    expect(page.locator(".bnviz-findings li > span")).to_have_text(items)


def test_layers_and_measures_can_be_chosen_and_it_plays_and_presents(opened_file, recording):
    page, player = opened_file, opened_file.locator(PLAYER)
    page.get_by_label("Values drawn").select_option("layer")
    page.get_by_label("Measure of ICS").select_option(index=2)
    page.locator(".js-plotly-plot").nth(2).click(position={"x": 60, "y": 60})  # a row is a layer
    chosen = page.locator(".bnviz-title .bnviz-chip").first
    expect(chosen).to_have_text(re.compile("layer . ×|output ×"))
    layer = recording.frames[0].layers.index(chosen.inner_text().removesuffix(" ×"))
    view = View(values="input", ics="cosine", layer=layer)
    same(drawn(page), expected(recording, 55, view))
    page.get_by_label("Pace").select_option("20")
    page.get_by_role("button", name="Dark", exact=True).click()
    page.evaluate("document.activeElement.blur()")  # space on a button is the button's own
    page.keyboard.press("p")
    page.keyboard.press("ArrowLeft")
    expect(player).to_have_attribute("data-step", "50")
    same(drawn(page), expected(recording, 50, View(**{**asdict(view), "theme": "dark", "present": True})))
    color = page.evaluate("document.querySelector('.js-plotly-plot')._fullData[0].line.color")
    assert color == PALETTE["dark"].arm(0)
    page.keyboard.press(" ")
    expect(player).to_have_attribute("data-step", "55")
    expect(player).to_have_attribute("data-status", "kept")
    page.keyboard.press("x")
    expect(page.get_by_role("button", name="log")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


def test_a_narrow_screen_has_the_same_and_nothing_is_wider_than_it(opened_file, recording):
    page = opened_file
    page.set_viewport_size({"width": 390, "height": 844})
    same(drawn(page), expected(recording, 55, View(stacked=True)))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_chart_is_saved_as_a_picture_and_the_script_is_in_the_page(opened_file, recording):
    page = opened_file
    page.get_by_role("tab", name="Updates", exact=True).click()
    chart = page.locator(".bnviz-panel").nth(1)
    chart.locator(".bnviz-picture").focus()
    page.keyboard.press("Enter")
    with page.expect_download() as saved:
        page.get_by_role("button", name="PNG").click()
    data = Path(saved.value.path()).read_bytes()
    assert saved.value.suggested_filename == "bnviz-updates-1-step55.png"
    assert struct.unpack(">II", data[16:24]) == (1600, 1000)
    chart.locator(".bnviz-picture").focus()
    page.keyboard.press("Enter")
    with page.expect_download() as saved:
        page.get_by_role("button", name="SVG").click()
    drawing = Path(saved.value.path()).read_text()
    for said in ("BatchNorm", "step 55", ">step<"):
        assert said in drawing
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("dialog", name="Save").get_by_role("listitem")).to_have_count(1)
    page.get_by_role("button", name="PyTorch").click()
    expect(page.locator(".bnviz-code")).to_have_text(script(recording.config, recording.events), use_inner_text=False)
