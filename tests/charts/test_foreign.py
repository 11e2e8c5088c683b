"""What somebody else's loop has measured is drawn as far as it goes: there are names, and no config."""

from __future__ import annotations

import base64
from dataclasses import replace

import numpy as np
import pytest

from bnviz import charts
from bnviz.charts.scene import Scene, View
from bnviz.config import RunConfig
from bnviz.frames import Description
from bnviz.recording import Recording
from bnviz.serve.messages import scene_message, scene_of, words_of
from bnviz.source import Kept
from bnviz.verdict import findings, sentence
from bnviz.verdict.wording import loss

LAYERS = ("conv1", "layer2.0.conv1", "head")
UNKNOWN = dict.fromkeys(("test_accuracy", "train_accuracy", "test_loss", "landscape_beta"), np.nan)


@pytest.fixture
def source(make_frame) -> Kept:
    nothing = {name: np.full(3, np.nan) for name in ("saturated", "dead", "running_mean_gap", "running_var_ratio")}
    frames = tuple(
        replace(make_frame(RunConfig(depth=2), step, "mine"), layers=LAYERS, **UNKNOWN, **nothing)
        for step in range(0, 50, 10)
    )
    return Kept(Recording(Description(LAYERS, ("mine",)), frames))


def _first_layout(scene, view):
    message = charts.figures(scene, view)
    return message["figures"][message["grid"][0]["id"]]["layout"]


@pytest.mark.parametrize("present", [False, True])
def test_long_names_have_room_and_keep_their_ends(source, present):
    scene = scene_of(source, None)
    names = ("embed", "encoder.layers.11.mlp.fc2", "head")
    long = replace(scene, current=tuple(replace(frame, layers=names) for frame in scene.current))
    view = View(present=present)
    drawn = _first_layout(long, view)
    told = drawn["yaxis"]["ticktext"]
    assert (told[0], told[2]) == ("embed", "head")
    assert told[1].startswith("…")
    assert names[1].endswith(told[1][1:])
    usual = _first_layout(scene, view)
    assert drawn["margin"]["l"] >= 0.5 * drawn["yaxis"]["tickfont"]["size"] * len(told[1])
    assert drawn["margin"]["l"] > usual["margin"]["l"]


@pytest.mark.parametrize("tab", charts.TABS)
def test_every_tab_is_drawn_or_says_why_not(source, tab):
    view = View(tab=tab)
    message = scene_message(source, scene_of(source, None), view)
    assert message["step"] == 40
    assert message["grid"] or message["notice"] or tab == "findings"
    assert set(message["figures"]) == {panel["id"] for panel in message["grid"]}
    assert set(charts.patch(scene_of(source, 20), view, series=True)) == set(message["figures"])


def test_names_are_those_of_the_loop_and_nothing_is_drawn_that_was_not_measured(source):
    scene = scene_of(source, None)
    assert (scene.layers, list(scene.titles.values())) == (LAYERS, ["mine"])
    panels = {panel.id for panel in charts.panels(scene, View())}
    assert not panels & {"accuracy", "units"}
    assert {"values-0", "gradient", "ics", "loss"} <= panels
    (y,) = (trace["text"] for trace in charts.figures(scene, View())["figures"]["gradient"]["data"][:1])
    assert list(y) == list(LAYERS)


def test_the_sentence_goes_as_far_as_what_was_measured(source, make_frame):
    scene = scene_of(source, None)
    said = "".join(span["text"] for span in words_of(scene))
    recent = [frames[0].train_loss for frames in scene.steps if frames[0].step >= 40 - 40 / 3]
    assert said.startswith(f"In mine training loss is {loss(float(np.median(recent)))}")
    tested = [(replace(frames[0], test_accuracy=0.5),) for frames in scene.steps]
    assert "".join(span.text for span in sentence(None, tested)).startswith("In mine accuracy is 50\N{NO-BREAK SPACE}%")
    two = [(frames[0], replace(frames[0], arm="yours", train_loss=frames[0].train_loss / 4)) for frames in scene.steps]
    assert "In yours training loss is better, " in "".join(span.text for span in sentence(None, two))
    findings(None, two)


def _decoded(trace, axis):
    return np.frombuffer(base64.b64decode(trace[axis]["bdata"]), trace[axis]["dtype"])


def test_ics_measured_now_and_then_is_shown_as_last_known(source):
    """Frames at 0, 10 ... 40, of which those at 0 and 20 have ICS: by layer it is that of 20, over steps a line."""
    scene = scene_of(source, None)
    unknown = {name: np.full(3, np.nan) for name in ("ics_l2", "ics_relative", "ics_cosine")}
    steps = [frames if frames[0].step in (0, 20) else (replace(frames[0], **unknown),) for frames in scene.steps]
    for shown, known in ((4, 2), (3, 2), (2, 2), (1, 0)):
        seen = Scene(None, steps, [], steps[shown])
        (profile,) = charts.figures(seen, View(tab="layers"))["figures"]["ics"]["data"]
        np.testing.assert_array_equal(_decoded(profile, "x"), np.float32(steps[known][0].ics_relative))
        assert (_decoded(profile, "customdata").reshape(3, 2)[:, 1] == steps[known][0].step).all()
        series = charts.figures(seen, View(tab="layers", layer=1))["figures"]["ics-steps"]["data"][0]
        assert _decoded(series, "x").tolist() == [0, 20]
        assert np.isfinite(_decoded(series, "y")).all()
    assert sentence(None, steps)
    two = [(frames[0], replace(frames[0], arm="yours", **unknown)) for frames in steps]
    assert sentence(None, two)
    findings(None, two)


def test_a_loop_that_diverges_is_said_to(source):
    steps = scene_of(source, None).steps
    gone = [*steps[:-1], (replace(steps[-1][0], train_loss=np.nan),)]
    assert "".join(span.text for span in sentence(None, gone)) == "In mine training diverged at step 40."


def test_only_l1_and_linf_arms_leave_no_empty_chart(make_frame):
    config = RunConfig(depth=2).from_query("depth=2&arms=batch_l1,batch_linf")
    measured = {"running_mean_gap": np.full(3, 0.1), "running_var_ratio": np.full(3, np.nan)}
    frames = tuple(make_frame(config, 0, label, **measured) for label in config.labels)
    panels = {panel.id for panel in charts.panels(Scene(config, [frames], [], frames), View(tab="modes"))}
    assert "mean-gap" in panels
    assert not panels & {"variance-ratio", "running_var_ratio-steps"}
