"""The axis of steps, one chart alone, names at an earlier step, and the marks of the timeline."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from bnviz.charts import TABS, View, figures, panels, patch
from bnviz.charts.look import READABLE
from bnviz.charts.marks import marks, name_of
from bnviz.config import MAX_ARMS
from bnviz.frames import Event
from tests.charts.test_charts import decode, scene

OVER_STEPS = ("layers", "time", "landscape", "modes", "updates")
"""Tabs with charts over steps."""


def across(trace):
    return decode(trace["x"]) if isinstance(trace["x"], dict) else np.array(trace["x"], float)


@pytest.mark.parametrize("tab", TABS)
def test_a_logarithmic_axis_has_every_point_at_its_step_and_says_the_true_one(tab):
    there = scene(steps=160, landscape="0.5-4", events=[Event(50, "change", "none", {"normalization": "batch"})])
    plain, log = (figures(there, View(tab=tab, log_steps=on))["figures"] for on in (False, True))
    over_steps = [name for name, figure in plain.items() if "yaxis2" in figure["layout"]]
    assert len(over_steps) >= (3 if tab in OVER_STEPS else 0)
    for name in over_steps:
        axis = log[name]["layout"]["xaxis"]
        for place, label in zip(axis["tickvals"], axis["ticktext"], strict=True):
            step = float(label.replace("k", "000").replace("M", "000000"))
            assert place == pytest.approx(math.log10(1 + step))
        assert axis["range"] == [0, pytest.approx(math.log10(1 + plain[name]["layout"]["xaxis"]["range"][1]))]
        for before, after in zip(plain[name]["data"], log[name]["data"], strict=True):
            if before.get("hoverinfo") == "skip" and before["mode"] == "markers":  # spread evenly over either axis
                known = [math.log10(1 + frames[0].step) for frames in there.steps]
                assert all(min(abs(place - each) for each in known) < 1e-5 for place in across(after))
                continue
            wanted = [math.log10(1 + step) for step in across(before)]
            np.testing.assert_allclose(across(after), wanted, rtol=1e-6)
            if "%{x" in before.get("hovertemplate", ""):
                told = decode(after["customdata"])
                assert "step %{customdata" in after["hovertemplate"]
                if before["type"] == "heatmap":
                    edges = across(before)
                    np.testing.assert_allclose(told, np.tile((edges[1:] + edges[:-1]) / 2, (len(told), 1)), atol=0.51)
                else:
                    assert told.tolist() == across(before).tolist()


@pytest.mark.parametrize("tab", TABS)
def test_patches_fit_a_logarithmic_axis_that_grows(tab):
    view = View(tab=tab, log_steps=True, present=True)
    whole, grown = figures(scene(steps=12), view)["figures"], patch(scene(steps=60), view, series=True)
    json.dumps(grown, allow_nan=False)
    for name, change in grown.items():
        assert len(change["data"]) == len(whole[name]["data"])
        if "yaxis2" in whole[name]["layout"]:
            assert change["layout"]["xaxis"]["range"][1] == pytest.approx(math.log10(1 + 600))


@pytest.mark.parametrize("tab", OVER_STEPS)
@pytest.mark.parametrize("arms", [2, MAX_ARMS])
def test_each_chart_can_stand_alone_by_its_number_in_reading_order(tab, arms):
    there = scene(arms=arms, landscape="0.5-4")
    every = panels(there, View(tab=tab))
    order = [each.id for group in ("layers", "series") for each in every if each.group == group]
    for number, wanted in enumerate(order[:9], start=1):
        view = View(tab=tab, large=number, present=True)
        whole = figures(there, view)
        assert list(whole["figures"]) == list(patch(there, view, series=True)) == [wanted]
        layout = whole["figures"][wanted]["layout"]
        assert layout["yaxis"]["showticklabels"] is True  # nothing beside it names the rows
        assert all(layout[axis]["tickfont"]["size"] >= READABLE for axis in ("xaxis", "yaxis"))
    assert [each.id for each in panels(there, View(tab=tab, large=len(order) + 1))] == [each.id for each in every]


def test_an_arm_is_called_what_it_was_at_the_step_drawn():
    flipped = Event(50, "change", "none", {"normalization": "batch"})
    forked = Event(60, "fork", "none", {"label": "later", "normalization": "layer"})
    now = scene(events=[flipped, forked])
    assert now.titles["none"] == "BatchNorm · since step 50"
    earlier = replace(now, current=now.steps[2])
    assert earlier.titles == {
        "none": "no normalization",
        "batch": "BatchNorm",
        "later": "LayerNorm · forked at step 60",
    }
    assert replace(now, current=now.steps[5]).titles["none"] == "BatchNorm · since step 50"


def test_marks_have_names_and_lead_to_the_first_step_that_shows_them():
    happened = [
        Event(41, "change", "none", {"normalization": "batch"}),
        Event(50, "change", None, {"learning_rate": "0.1"}),
        Event(55, "change", None, {"measure_every": "20"}),  # changes nothing in the networks
        Event(999, "diverged", "batch"),
    ]
    found = marks(scene(events=happened))
    assert [(mark["step"], mark["look"], mark["name"], mark["arm"]) for mark in found] == [
        (41, 50, "BatchNorm", 0), (50, 50, "rate 0.1", None), (999, 110, "diverged", 1)
    ]  # fmt: skip
    assert found[0]["text"] == "step 41: no normalization → BatchNorm"
    assert marks(scene(steps=0, events=happened[:1]))[0]["look"] == 41


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (Event(1, "change", "a", {"normalization": "none"}), "no normalization"),
        (Event(1, "change", "a", {"noise": "True", "learning_rate": "0.2"}), "noise on, rate 0.2"),
        (Event(1, "change", None, {"batch_size": "64"}), "batch size 64"),
        (Event(1, "grow", "a", {"depth": "8"}), "depth 8"),
        (Event(1, "fork", "a", {"label": "a2", "normalization": "rms"}), "fork: RMSNorm"),
        (Event(1, "fork", "a", {"label": "a2"}), "fork"),
        (Event(1, "change", None, {"unheard_of": "7"}), "unheard of 7"),
    ],
)
def test_events_are_named_as_people_say_it(event, name):
    assert name_of(event) == name
