"""Two recordings laid over each other, against the recordings themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bnviz import charts
from bnviz.charts.marks import text_of
from bnviz.charts.scene import View
from bnviz.config import Arm, RunConfig
from bnviz.frames import Description, Event, quantities
from bnviz.recording import Recording
from bnviz.serve.messages import findings_of, scene_message, scene_of, words_of
from bnviz.serve.overlay import apart, overlay
from bnviz.training import train

SHALLOW = RunConfig(depth=2, width=8, steps=40)
DEEP = RunConfig(depth=4, width=8, steps=60, measure_every=7, dataset="iris", arms=(Arm("batch"), Arm("layer")))
TITLES = ["plain: no normalization", "plain: BatchNorm", "deep <b>: BatchNorm", "deep <b>: LayerNorm"]


@pytest.fixture(scope="module")
def both():
    shallow = Recording(SHALLOW, tuple(train(SHALLOW)), (Event(20, "change", None, {"learning_rate": "0.1"}),))
    return ("plain", shallow), ("deep <b>", Recording(DEEP, tuple(train(DEEP))))


def alike(value, expected):
    np.testing.assert_array_equal(np.asarray(value, float), np.asarray(expected, float))


def test_every_value_is_that_of_the_last_step_measured(both):
    kept = overlay(*both)
    assert list(kept.description.arms) == TITLES
    steps = {frames[0].step: {frame.arm: frame for frame in frames} for frames in kept.history.snapshot()[0]}
    assert sorted(steps) == sorted({0, 10, 20, 30, *range(0, 60, 7)})
    for (name, recording), titles in zip(both, (TITLES[:2], TITLES[2:]), strict=True):
        for label, title in zip(recording.config.labels, titles, strict=True):
            own = [frame for frame in recording.frames if frame.arm == label]
            for step, frames in steps.items():
                if step > own[-1].step:
                    assert title not in frames, name
                    continue
                expected = max((frame for frame in own if frame.step <= step), key=lambda frame: frame.step)
                alike(frames[title].train_loss, expected.train_loss)
                alike(frames[title].grad_norm[-1], expected.grad_norm[-1])
                alike(frames[title].input_hist[:2], expected.input_hist[:2])


def test_layers_that_a_net_lacks_are_empty_and_the_output_is_the_last(both):
    frame = overlay(*both).history.snapshot()[0][0][0]
    own = both[0][1].frames[0]
    assert frame.layers == ("layer 1", "layer 2", "layer 3", "layer 4", "output")
    assert frame.present.tolist() == [True, True, False, False, True]
    for quantity in quantities(3):
        if quantity.per_layer:
            value, expected = getattr(frame, quantity.name), getattr(own, quantity.name)
            alike(value[[0, 1, -1]], expected)
            if quantity.counts:
                assert not value[2:4].any()


@pytest.mark.parametrize("seek", [None, 21, 0])
def test_every_tab_can_be_drawn_and_told_at_any_step_also_where_one_is_over(both, seek):
    kept = overlay(*both)
    scene = scene_of(kept, seek)
    assert list(scene.titles) == TITLES
    assert all(frame is not None for frame in scene.frames)
    for tab in charts.TABS:
        message = scene_message(kept, scene, View(tab=tab), seek)
        assert len(message["colors"]) == 4
    losses = charts.figures(scene, View())["figures"]
    assert losses
    for span in words_of(scene):
        if span["arm"] is not None:
            assert TITLES[span["arm"]].split(":")[0] in " ".join(each["text"] for each in words_of(scene))
    assert seek == 0 or findings_of(scene)
    assert [text_of(mark) for mark in scene.marks] == ["step 20: plain → rate 0.1"]


def test_at_the_end_the_sentence_speaks_of_both_and_compares_what_was_measured_then(both):
    kept = overlay(*both)
    scene = scene_of(kept, None)
    said = "".join(span["text"] for span in words_of(scene))
    assert "in plain: BatchNorm (until step 30)" in said
    assert "in deep <b>: BatchNorm" in said
    found = ["".join(span["text"] for span in item["spans"]) for part in findings_of(scene) for item in part["items"]]
    assert not [text for text in found if "plain:" in text and "deep <b>:" in text]


def test_two_networks_that_end_at_different_steps_are_not_compared(both):
    frames = both[0][1].frames[::2]
    one = Recording(Description(frames[0].layers, ("none",)), frames)
    other = replace(one, frames=tuple(replace(frame, step=2 * frame.step) for frame in frames))
    said = "".join(span["text"] for span in words_of(scene_of(overlay(("a", one), ("b", other)), None)))
    assert said.startswith("In a: none (until step 30) ")
    assert " In b: none " in said
    assert not [word for word in ("better", "worse", "same") if word in said]


def test_what_cannot_be_compared_is_one_sentence(both):
    shallow = both[0][1]
    assert overlay(*both).text == (
        "Not to be compared: losses and accuracies, as the data differ; layers one by one, as one net has 3 and the "
        "other 5; anything beyond step 30, where plain ends; all else is on common axes."
    )
    assert apart(("a", shallow), ("b", replace(shallow, about=replace(SHALLOW, seed=1)))) == ""
    names = replace(shallow, about=replace(shallow.description, config=None))
    assert apart(("a", shallow), ("b", names)) == (
        "Not to be compared: settings, as those of a loop that is not bnviz's own are not known; "
        "all else is on common axes."
    )


def test_alike_names_are_told_apart_and_long_ones_are_cut(both):
    (_, shallow), _ = both
    arms = overlay(("run", shallow), ("run", shallow)).description.arms
    assert arms[::2] == ("run: no normalization", "run (2): no normalization")
    assert overlay(("x" * 80, shallow), ("", shallow)).description.arms[1::2] == (
        "x" * 23 + "…: BatchNorm", "recording: BatchNorm")  # fmt: skip


def test_a_recording_without_a_step_leaves_the_other(both):
    kept = overlay(both[0], ("empty", Recording(SHALLOW)))
    assert {frame.arm for frame in kept.recording.frames} == set(TITLES[:2])
    assert scene_message(kept, scene_of(kept, None), View())["figures"]
