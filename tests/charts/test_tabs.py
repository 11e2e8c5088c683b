"""The charts of the tabs besides the first, held against the frames they are made from."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from bnviz.charts import TABS, View, at_step, changes, figures, notice, panels, patch
from bnviz.charts.bands import around
from bnviz.charts.explanations import EXPLANATIONS
from bnviz.charts.look import exponents
from bnviz.charts.steps import every
from bnviz.charts.tabs.over_time import CELLS, COLUMNS, FULLEST, cells
from bnviz.config import MAX_ARMS
from bnviz.frames import BINS, Event
from tests.charts.test_charts import decode, diverged, frame, scene


def drawn(scene_drawn, tab, **view):
    return figures(scene_drawn, View(tab=tab, **view))["figures"]


def lines(figure):
    """Text over the mouse -> values of each line that has one."""
    return {
        trace["hovertemplate"]: decode(trace["y"])
        for trace in figure["data"]
        if trace.get("yaxis") != "y2" and "hovertemplate" in trace and isinstance(trace["y"], dict)
    }


def line(figure, *words):
    found = [values for text, values in lines(figure).items() if all(word in text for word in words)]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize(("depth", "arms", "steps"), [(1, 1, 1), (6, 2, 0), (6, 2, 12), (50, MAX_ARMS, 3)])
@pytest.mark.parametrize("activation", ["tanh", "gelu"])
def test_patches_fit_the_figures_of_every_tab(tab, depth, arms, steps, activation):
    there, view = scene(depth, arms, steps, activation=activation, landscape="0.5-4"), View(tab=tab, layer=1)
    whole = figures(there, view)
    json.dumps(whole, allow_nan=False)
    assert bool(whole["grid"]) == (tab not in ("findings", "update", "plane") and not (tab == "modes" and arms == 1))
    for series in (False, True):
        changes = patch(there, view, series)
        json.dumps(changes, allow_nan=False)
        assert set(changes) == {panel.id for panel in panels(there, view) if series or panel.live}
        for name, change in changes.items():
            for trace, before in zip(change["data"], whole["figures"][name]["data"], strict=True):
                assert all(trace[key] == before[key] for key in trace)
            assert change.get("redraw", False) == name.startswith("density")


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("solo", [None, 1])
def test_of_another_step_nothing_differs_but_what_is_said_to(tab, solo):
    there = replace(scene(6, 3, 40, [Event(55, "change", "more noise")], landscape="0.5-4"), solo=solo)
    before, after = (replace(there, current=there.steps[at]) for at in (9, 21))
    view = View(tab=tab)
    was, wanted, moved = figures(before, view)["figures"], figures(after, view)["figures"], at_step(after, view)
    assert set(moved) == set(wanted)
    for name, change in moved.items():
        if "cursor" in change:
            assert was[name]["data"][-1] != wanted[name]["data"][-1]
            was[name]["data"][-1] |= change["cursor"]
            assert was[name] == wanted[name]
        else:
            assert change == changes(wanted[name])


@pytest.mark.parametrize("tab", TABS)
def test_an_arm_that_diverged_or_is_new_breaks_no_tab(tab):
    before = scene(landscape="0.5-4")
    gone = (diverged(before.current[0]), before.current[1])
    forked = Event(60, "fork", "none", {"label": "fork", "normalization": "layer"})
    steps = [*before.steps[:-2], (diverged(before.steps[-2][0]), replace(before.current[1], arm="batch")), gone]
    json.dumps(figures(replace(before, steps=steps, current=gone, events=(forked,)), View(tab=tab)), allow_nan=False)


def test_every_panel_says_in_a_sentence_what_it_shows():
    topics = set()
    for tab in TABS:
        for panel in panels(scene(landscape="0.5-4", activation="relu"), View(tab=tab)):
            assert panel.describe()["help"].startswith(panel.topic.short)
            topics.add(panel.topic)
    seen_close = {EXPLANATIONS[name] for name in ("update", "surface", "bent")}  # need networks, and are in test_slow
    assert topics == set(EXPLANATIONS.values()) - seen_close


def test_panels_of_a_tab_have_names_of_their_own():
    for tab in TABS:
        names = [panel.id for panel in panels(scene(arms=3, landscape="0.5-4"), View(tab=tab))]
        assert len(names) == len(set(names))


def test_who_looks_elsewhere_is_sent_no_charts():
    whole = figures(scene(), View(tab="landscape", away=True))
    assert (whole["grid"], whole["figures"], whole["notice"]) == ([], {}, None)


def test_percentiles_are_those_of_the_frames():
    there = scene(arms=2)
    chosen = drawn(there, "time", layer=3)["unit"]
    for column, name in enumerate(("15 %", "50 %", "85 %")):
        expected = [frames[1].unit_percentiles[3, column] for frames in there.steps]
        np.testing.assert_allclose(line(chosen, "layer 4", name, "· BatchNorm<"), expected, rtol=1e-6)
    beside = drawn(there, "time")
    for place, layer in enumerate((0, 2, 3, 5)):
        expected = [frames[0].preactivation_percentiles[layer, 1] for frames in there.steps]
        found = line(beside[f"percentiles-{place}"], f"layer {layer + 1}", "50 %", "no normalization")
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_area_of_a_band_ends_where_values_are_missing():
    low, high = np.array([0, 1, np.nan, 3, 4.0]), np.array([5, 6, 7, np.nan, 9.0])
    x, y = around(np.arange(5.0), low, high)
    np.testing.assert_array_equal(x, [0, 1, 1, 0, np.nan, 4, 4, np.nan])
    np.testing.assert_array_equal(y, [5, 6, 1, 0, np.nan, 9, 4, np.nan])


def shares_by_hand(one, layer, low, high):
    """Each bin's values, spread over a thousand points and counted cell by cell."""
    found = np.zeros(CELLS)
    first, last = one.preactivation_range[layer]
    hist = one.preactivation_hist[layer]
    for place, count in enumerate(hist):
        points = first + (place + (np.arange(1000) + 0.5) / 1000) * (last - first) / BINS
        for cell in np.floor((points - low) / (high - low) * CELLS):
            if 0 <= cell < CELLS:
                found[int(cell)] += count / 1000
    return found / hist.sum() * (1 - one.preactivation_clipped[layer])


@pytest.mark.parametrize(("low", "high"), [(-4, 4), (-10, 10), (-1.3, 0.77)])
def test_bins_are_spread_over_common_cells(low, high):
    one = frame(scene().config, 3, "none")
    found = cells(one.preactivation_hist[[2]], one.preactivation_range[[2]], one.preactivation_clipped[[2]], low, high)
    np.testing.assert_allclose(found[0], shares_by_hand(one, 2, low, high), atol=2e-4)


def test_the_heatmap_shows_every_step_from_the_first_on():
    there = scene(depth=3, steps=400)
    figure = drawn(there, "time")["density-1"]
    trace = figure["data"][0]
    z, x, y = (decode(trace[name]) for name in ("z", "x", "y"))
    low, high = figure["layout"]["yaxis"]["range"]
    assert z.shape == (CELLS, len(x) - 1)
    assert len(x) - 1 <= COLUMNS
    assert (x[0], y[0], y[-1]) == (0, low, high)
    assert x[-1] >= there.steps[-1][0].step
    assert trace["zmax"] == 1000 * FULLEST
    beat = -(-400 // COLUMNS)
    for column in (0, 7, len(x) - 2):
        part = there.steps[column * beat : (column + 1) * beat]
        expected = np.mean([shares_by_hand(frames[1], 2, low, high) for frames in part], axis=0)
        np.testing.assert_allclose(z[:, column], 1000 * expected, atol=1)
        assert x[column] <= part[0][1].step <= x[column + 1]


def test_what_the_heatmap_leaves_out_is_said():
    there = scene()
    for frames in there.steps:
        frames[0].preactivation_clipped[:] = 0.25
    note = drawn(there, "time", layer=0)["density-0"]["note"]
    assert float(note.split()[0]) == pytest.approx(25, abs=0.2)


def test_lines_are_thinned_to_a_steady_beat():
    assert every(200, 200) == slice(None, None, 1)
    for count in (201, 399, 400):
        assert every(count, 200) == slice(None, None, 2)


def test_landscape_bands_are_those_of_the_frames():
    there = scene(landscape="0.5-4")
    whole = drawn(there, "landscape")
    for name, field in (("landscape-loss", "landscape_loss"), ("predictiveness", "landscape_predictiveness")):
        for end, column in (("least", 0), ("largest", 1)):
            expected = [getattr(frames[1], field)[column] for frames in there.steps]
            np.testing.assert_allclose(line(whole[name], end, "BatchNorm"), expected, rtol=1e-6)
    expected = [frames[0].landscape_beta for frames in there.steps]
    np.testing.assert_allclose(line(whole["beta"], "no normalization"), expected, rtol=1e-6)


def test_a_landscape_that_is_not_measured_can_be_asked_for():
    never = scene(steps=2)
    never = replace(never, steps=[tuple(replace(f, landscape_beta=np.nan) for f in fs) for fs in never.steps])
    asked = notice(never, View(tab="landscape"))
    assert asked["button"]["setting"] == {"landscape": "0.5-4"}
    assert "8 further passes" in asked["text"]
    assert notice(scene(landscape="0.01-30", steps=0), View(tab="landscape")) is None
    assert notice(scene(steps=2), View(tab="landscape")) is None  # measured earlier in the run
    assert notice(never, View()) is None


def test_both_modes_losses_and_statistics_are_those_of_the_frames():
    there = scene(depth=3)
    whole = drawn(there, "modes", layer=1)
    for field, words in (("train_loss", "training loss"), ("eval_loss", "eval mode")):
        expected = [getattr(frames[1], field) for frames in there.steps]
        np.testing.assert_allclose(line(whole["modes-loss"], words, "BatchNorm"), expected, rtol=1e-6)
    np.testing.assert_allclose(decode(whole["mean-gap"]["data"][1]["x"]), there.current[1].running_mean_gap, rtol=1e-6)
    ratio = whole["variance-ratio"]
    np.testing.assert_allclose(decode(ratio["data"][1]["x"]), there.current[1].running_var_ratio, rtol=1e-6)
    assert ratio["data"][-1]["x"] == [1.0, 1.0]
    expected = [frames[1].running_mean_gap[1] for frames in there.steps]
    np.testing.assert_allclose(line(whole["running_mean_gap-steps"], "layer 2", "BatchNorm"), expected, rtol=1e-6)


def test_without_running_statistics_there_is_nothing_to_compare():
    assert "No network" in notice(scene(arms=1), View(tab="modes"))["text"]
    switched = Event(50, "change", "none", {"normalization": "batch"})
    assert notice(scene(arms=1, events=[switched]), View(tab="modes")) is None


def test_update_ratios_of_all_layers_have_their_guide():
    there = scene(depth=6)
    whole = drawn(there, "updates")
    for layer, name in enumerate(there.layers):
        expected = [frames[1].update_ratio[layer] for frames in there.steps]
        np.testing.assert_allclose(line(whole["updates-1"], f"{name} ·"), expected, rtol=1e-6)
    assert whole["updates-1"]["data"][0]["y"] == [-3, -3]
    assert whole["updates"]["data"][-1]["x"] == [-3, -3]
    low, high = whole["updates-0"]["layout"]["yaxis"]["range"]
    assert low <= -4 < 1 <= high
    many = drawn(scene(depth=50, arms=1), "updates")["updates-0"]
    assert len(lines(many)) == 13
    assert "13 of 51 layers" in many["note"]


@pytest.mark.parametrize(("values", "span"), [([], [-4, -2]), ([-7.3, -2.5], [-8, -2]), ([0.2, np.nan], [-4, 1])])
def test_axes_of_exponents_hold_their_values_and_the_guide(values, span):
    assert exponents(values)["range"] == span


def test_shares_of_units_are_shown_by_layer_and_over_steps():
    there = scene(activation="relu")
    whole = drawn(there, "updates", layer=2)
    np.testing.assert_allclose(decode(whole["units"]["data"][0]["x"]), there.current[0].dead, rtol=1e-6)
    expected = [frames[0].dead[2] for frames in there.steps]
    np.testing.assert_allclose(line(whole["dead-steps"], "layer 3", "no normalization"), expected, rtol=1e-6)
