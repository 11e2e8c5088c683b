import base64
import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from bnviz.charts import Scene, View, encode, figures, patch
from bnviz.charts.look import PALETTE
from bnviz.charts.rows import density, value_axis
from bnviz.charts.view import MOST_CHARTS
from bnviz.config import MAX_ARMS, Arm, RunConfig
from bnviz.frames import Event, Frame, layer_names, quantities

ARMS = ("none", "batch", "batch+noise", "layer", "rms", "weight")


def decode(encoded):
    array = np.frombuffer(base64.b64decode(encoded["bdata"]), encoded["dtype"])
    shape = encoded.get("shape")
    return array.reshape([int(n) for n in shape.split(",")]) if shape else array


@cache
def frame(config, step, label):
    """A frame with bell-shaped histograms that differ from layer to layer, and else random numbers."""
    count, rng = config.depth + 1, np.random.default_rng(step)
    values = {}
    for each in quantities(count):
        value = rng.random(each.shape) if each.shape else float(rng.random())
        values[each.name] = np.zeros(each.shape, np.int32) if each.counts else value
    for name in ("input", "preactivation"):
        samples = rng.normal(0, np.linspace(0.2, 2, count)[:, None], (count, 8000))
        values[f"{name}_hist"] = np.array([np.histogram(row, 64, (-4, 4))[0] for row in samples], np.int32)
        values[f"{name}_range"] = np.tile([-4.0, 4.0], (count, 1))
        values[f"{name}_clipped"] = np.mean(np.abs(samples) > 4, axis=1)
    for name, activations in (("saturated", ("sigmoid", "tanh")), ("dead", ("relu",))):
        if config.activation not in activations:
            values[name] = np.full(count, np.nan)
    return Frame(step=step, arm=label, layers=layer_names(config), **values)


def scene(depth=6, arms=2, steps=12, events=(), **changes):
    config = RunConfig(depth=depth, arms=tuple(Arm.parse(label) for label in ARMS[:arms]), **changes)
    history = [tuple(frame(config, 10 * i, label) for label in config.labels) for i in range(steps)]
    return Scene(config, history, tuple(events), history[-1] if history else (), classes=10)


def diverged(good):
    """The frame of an arm whose weights are no longer finite."""
    count = len(good.layers)
    gone = {each.name: np.full(each.shape, np.nan) for each in quantities(count) if not each.counts and each.shape}
    empty = {"input_hist": np.zeros_like(good.input_hist), "preactivation_hist": np.zeros_like(good.input_hist)}
    return replace(good, **gone, **empty, train_loss=float("nan"), test_loss=float("inf"))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "int32", "uint8", "uint16"])
@pytest.mark.parametrize("shape", [(0,), (7,), (3, 4)])
def test_encoded_arrays_round_trip(dtype, shape):
    array = (100 * np.random.default_rng(0).random(shape)).astype(dtype)
    encoded = encode(array)
    assert decode(encoded).tolist() == array.tolist()
    json.dumps(encoded)


def test_densities_integrate_to_the_share_not_clipped():
    one = frame(RunConfig(depth=6), 0, "none")
    width = 8 / 64
    np.testing.assert_allclose(density(one, "input").sum(axis=1) * width, 1 - one.input_clipped)


def test_a_ridge_is_the_density_above_its_baseline():
    drawn = scene(depth=3, arms=1)
    low, high = value_axis(drawn, View())
    trace = figures(drawn, View())["figures"]["values-0"]["data"][0]
    x, y = decode(trace["x"]), decode(trace["y"]).astype(float)
    ridges = np.split(np.arange(len(x)), np.flatnonzero(np.isnan(x)) + 1)[:-1]
    assert len(ridges) == 4
    last = ridges[3][:-1]  # wide enough not to be shrunk
    share = np.trapezoid(y[last] - y[last[0]], x[last]) / 500 * 5 / (high - low)
    assert share == pytest.approx(1 - drawn.current[0].preactivation_clipped[3], abs=0.01)


@pytest.mark.parametrize("depth", [1, 50])
@pytest.mark.parametrize("arms", [1, MAX_ARMS])
@pytest.mark.parametrize("view", [View(), View("input", "l2", 0, "dark"), View(ics="cosine", layer=999, present=True)])
def test_patches_fit_the_figures(depth, arms, view):
    drawn = scene(depth, arms, steps=3)
    whole = figures(drawn, view)
    assert [panel["id"] for panel in whole["grid"]] == list(whole["figures"])
    json.dumps(whole, allow_nan=False)
    for series in (False, True):
        changes = patch(drawn, view, series)
        json.dumps(changes, allow_nan=False)
        assert set(changes) == {panel["id"] for panel in whole["grid"] if series or panel["group"] == "layers"}
        for name, change in changes.items():
            full = whole["figures"][name]
            assert change["traces"] == list(range(len(full["data"])))
            for trace, before in zip(change["data"], full["data"], strict=True):
                assert all(trace[key] == before[key] for key in trace)
            for axis, settings in change["layout"].items():
                assert all(full["layout"][axis][key] == value for key, value in settings.items())


def test_rows_are_shared_and_values_have_one_axis():
    whole = figures(scene(arms=3), View())
    rows = [whole["figures"][panel["id"]]["layout"] for panel in whole["grid"] if panel["group"] == "layers"]
    assert len({json.dumps([each["yaxis"]["range"], each["yaxis"]["tickvals"]]) for each in rows}) == 1
    assert len({(each["margin"]["t"], each["margin"]["b"]) for each in rows}) == 1
    assert len({json.dumps(whole["figures"][f"values-{arm}"]["layout"]["xaxis"]["range"]) for arm in range(3)}) == 1


def test_events_mark_every_chart_over_steps():
    happened = Event(50, "change", "none", {"normalization": "batch"})
    whole = figures(scene(events=[happened]), View())
    over_steps = [panel["id"] for panel in whole["grid"] if panel["group"] == "series"]
    assert len(over_steps) == 4
    for name in over_steps:
        marks = [trace for trace in whole["figures"][name]["data"] if trace.get("yaxis") == "y2" and trace.get("text")]
        assert decode(marks[0]["x"])[0] == 50
        assert marks[0]["text"][0] == "step 50: no normalization → BatchNorm"


def test_a_changed_arm_is_called_what_it_is_now():
    drawn = scene(events=[Event(50, "change", "none", {"normalization": "batch"})])
    assert drawn.titles == {"none": "BatchNorm · since step 50", "batch": "BatchNorm"}


def test_a_fork_is_drawn_from_its_step_on():
    before = scene()
    forked = Event(60, "fork", "none", {"label": "fork", "normalization": "layer"})
    history = [(*frames, replace(frames[0], arm="fork")) if frames[0].step >= 60 else frames for frames in before.steps]
    now = replace(before, steps=history, events=(forked,), current=history[-1])
    loss = figures(now, View())["figures"]["loss"]["data"]
    assert np.isnan(decode(loss[3]["y"])).tolist() == [step < 60 for step in range(0, 120, 10)]
    earlier = patch(replace(now, current=history[0]), View(), True)
    assert len(decode(earlier["values-2"]["data"][0]["x"])) == 0


@pytest.mark.parametrize("known", [True, False])
def test_a_diverged_arm_leaves_gaps_and_says_so(known):
    drawn = scene(events=[Event(100, "diverged", "none")] if known else [])
    last = (diverged(drawn.current[0]), drawn.current[1])
    changes = patch(replace(drawn, steps=[*drawn.steps[:-1], last], current=last), View(), True)
    assert changes["values-0"]["note"] == f"diverged at step {100 if known else 110}"
    assert len(decode(changes["values-0"]["data"][0]["x"])) == 0
    assert np.isnan(decode(changes["gradient"]["data"][0]["x"])).all()
    assert np.isfinite(decode(changes["gradient"]["data"][1]["x"])).all()
    assert np.isnan(decode(changes["loss"]["data"][1]["y"])[-1])  # after the line for chance


def test_all_arms_diverged_from_the_first_step_on():
    drawn = scene(steps=1)
    gone = tuple(diverged(each) for each in drawn.current)
    whole = figures(replace(drawn, steps=[gone], current=gone), View(ics="l2"))
    json.dumps(whole, allow_nan=False)
    for arm in range(2):
        ridges = whole["figures"][f"values-{arm}"]
        assert ridges["note"] == "diverged at step 0"
        assert len(decode(ridges["data"][0]["x"])) == 0
        assert np.isnan(decode(whole["figures"]["ics"]["data"][arm]["x"])).all()
    assert whole["figures"]["ics"]["layout"]["xaxis"]["type"] == "log"


def test_before_the_first_frame_there_is_nothing_to_draw():
    whole = figures(scene(steps=0), View())
    assert whole["empty"]
    json.dumps(whole, allow_nan=False)
    for name in ("values-0", "values-1"):
        assert len(decode(whole["figures"][name]["data"][0]["x"])) == 0
    for name in ("gradient", "ics"):
        assert all(np.isnan(decode(trace["x"])).all() for trace in whole["figures"][name]["data"])


def test_exact_zeros_stand_at_the_edge_of_a_log_axis_and_are_told_as_zero():
    drawn = scene()
    for each in drawn.current:
        each.ics_l2[0] = 0
    figure = figures(drawn, View(ics="l2"))["figures"]["ics"]
    low, _ = figure["layout"]["xaxis"]["range"]
    assert low < np.log10(decode(figure["data"][0]["x"])[0]) < low + 0.5
    assert decode(figure["data"][0]["customdata"])[0].tolist() == [0, drawn.current[0].step]


@pytest.mark.parametrize(
    ("depth", "activation", "units"), [(6, "tanh", "Saturated"), (6, "relu", "Dead"), (6, "gelu", None)]
)
def test_units_are_shown_where_the_notion_applies(depth, activation, units):
    found = {
        panel["id"]: panel["title"][0]["text"] for panel in figures(scene(depth, activation=activation), View())["grid"]
    }
    assert found.get("units") == units


@pytest.mark.parametrize(
    ("given", "view"),
    [
        (None, View()),
        ([1], View()),
        ({"values": "input", "ics": "l2", "layer": 3, "theme": "dark"}, View("input", "l2", 3, "dark")),
        ({"values": ["input"], "ics": {}, "layer": -1, "theme": 7, "present": "yes"}, View()),
        ({"layer": True}, View()),
        ({"tab": ["time"]}, View()),
        ({"tab": "time" * 100}, View(tab=("time" * 10))),
        ({"layer": 1.5, "unknown": 1}, View()),
        ({"large": 3, "log_steps": True}, View(large=3, log_steps=True)),
        ({"large": 0, "log_steps": 1}, View()),
        ({"large": MOST_CHARTS + 1}, View()),
        ({"large": True}, View()),
    ],
)
def test_views_are_clamped(given, view):
    assert View.from_dict(given) == view


def test_a_patch_is_small():
    small = json.dumps(patch(scene(depth=20), View(), series=False))
    assert len(small) < 30_000


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_stand_out_and_differ(theme):
    colors = PALETTE[theme]
    assert len(set(colors.arms)) == MAX_ARMS
    for color in (*colors.arms, colors.text, colors.quiet):
        assert contrast(color, colors.background) >= 3


def contrast(one, other):
    """Contrast of two colours as WCAG 2 defines it."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color):
    shares = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
