"""A recording as one Plotly figure, and as what a notebook shows of it."""

from __future__ import annotations

import base64
import html
import itertools
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from bnviz import charts
from bnviz.charts.scene import View
from bnviz.config import RunConfig
from bnviz.frames import Description
from bnviz.recording import Recording
from bnviz.serve.messages import scene_of
from bnviz.source import Kept
from bnviz.verdict import sentence


@pytest.fixture
def recording(make_frame) -> Recording:
    config = RunConfig(depth=2)
    frames = tuple(make_frame(config, step, label) for step in (0, 10, 20) for label in config.labels)
    return Recording(config, frames)


@pytest.mark.parametrize("tab", charts.TABS)
def test_a_figure_holds_every_chart_of_its_tab_apart_from_the_others(recording, tab):
    drawn = charts.figures(scene_of(Kept(recording), None), View(tab=tab))
    made = recording.figure(tab)
    want = [trace for panel in drawn["grid"] for trace in drawn["figures"][panel["id"]]["data"]]
    assert len(made.data) == len(want)
    for ours, theirs in zip(made.data, want, strict=True):
        assert json.loads(ours.to_json()).items() >= json.loads(json.dumps({"y": theirs["y"]})).items()
    axes = [made.layout[name].domain for name in made.to_dict()["layout"] if name.startswith("xaxis")]
    assert len(axes) == len(drawn["grid"])
    boxes = sorted((made.layout[f"yaxis{t.yaxis[1:]}"].domain, made.layout[f"xaxis{t.xaxis[1:]}"].domain)
                   for t in made.data)  # fmt: skip
    for (up, across), (above, right) in itertools.pairwise(boxes):
        assert up != above or across == right or across[1] <= right[0]
    assert made.layout.annotations


def test_the_step_is_the_nearest_measured_one(recording):
    for asked, shown in ((None, 20), (0, 0), (14, 10), (999, 20)):
        made = recording.figure("layers", step=asked)
        (profile, *_) = (t for t in made.data if t.hovertemplate and "gradient norm" in t.hovertemplate)
        told = np.frombuffer(base64.b64decode(profile.customdata["bdata"]), profile.customdata["dtype"])[1]
        assert told == shown


def test_mistakes_are_said(recording):
    with pytest.raises(ValueError, match=r"figure must be one of layers, .*, got 'nothing'"):
        recording.figure("nothing")
    with pytest.raises(ValueError, match="no frames"):
        replace(recording, frames=()).figure()


def test_a_notebook_shows_the_layers_and_the_sentence_without_a_network(recording):
    shown = recording._repr_html_()
    words = re.sub("<[^>]*>", "", shown.split("<iframe")[0])
    assert html.unescape(words) == "".join(each.text for each in sentence(recording.config, [*recording.steps()]))
    inside = html.unescape(re.search('srcdoc="([^"]*)"', shown)[1])
    assert not re.search(r"<script[^>]+src=|<link|@import", inside)
    figure = json.loads(re.search(r"const f=(.*?);Plotly.newPlot", inside)[1])
    assert len(figure["data"]) == len(recording.figure().data)
    assert "bnviz open" in shown


def test_names_are_escaped_and_nothing_measured_is_said(recording):
    evil = "</script><img src=x onerror=alert(1)>"
    named = tuple(replace(f, layers=(evil, "b", "c"), arm=evil, test_accuracy=np.nan) for f in recording.frames[:1])
    shown = Recording(Description((evil, "b", "c"), (evil,)), named)._repr_html_()
    assert "<img" not in shown
    inside = html.unescape(re.search('srcdoc="([^"]*)"', shown)[1])
    assert "<img" not in inside
    assert "Nothing is measured yet" in Recording(Description((), ()))._repr_html_()


@pytest.mark.parametrize("step", ["x", True, float("nan"), [3]])
def test_a_step_that_is_no_number_is_said_to_be_none(recording, step):
    with pytest.raises(ValueError, match=r"step must be a number, such as 100, or None .* got "):
        recording.figure(step=step)
