"""Published pictures as sweeps: the theory against plain integration, and each picture trained in its small form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bnviz.config import Arm
from bnviz.sweeping.mean_field import depth_scale, fixed_length
from bnviz.sweeping.outcome import Outcome
from bnviz.sweeping.published import PUBLISHED, reach
from bnviz.sweeping.results import Sweep
from bnviz.sweeping.sweep import sweep


def gaussian(function):
    """E f(z) of a standard normal z, by adding up."""
    z = np.linspace(-10, 10, 200_001)
    return float(np.sum(function(z) * np.exp(-(z**2) / 2)) * (z[1] - z[0]) / np.sqrt(2 * np.pi))


@pytest.mark.parametrize("variance", [1.44, 4.0, 25.0])
def test_in_the_chaotic_phase_the_scale_is_that_of_the_correlation_map(variance):
    length = fixed_length(variance)
    assert length == pytest.approx(variance * gaussian(lambda z: np.tanh(np.sqrt(length) * z) ** 2), rel=1e-6)
    slope = variance * gaussian(lambda z: 1 - np.tanh(np.sqrt(length) * z) ** 2) ** 2
    assert depth_scale(variance) == pytest.approx(-1 / np.log(slope), rel=1e-3)


def test_in_the_ordered_phase_signals_shrink_by_the_variance_and_at_its_edge_they_do_not():
    assert depth_scale(0.25) == pytest.approx(1 / np.log(4))
    assert depth_scale(1.0) == np.inf
    assert depth_scale(0.999) > 900
    with pytest.raises(ValueError, match="weight_variance must be above 0"):
        depth_scale(0.0)


def test_two_inputs_of_a_wide_random_net_part_at_the_pace_that_theory_tells():
    rng, variance, width = np.random.default_rng(0), 4.0, 2000
    a = rng.normal(size=(2, width)) * np.sqrt(fixed_length(variance))
    a[1] = 0.6 * a[0] + 0.8 * a[1]
    correlations = []
    for _ in range(4):
        a = np.tanh(a) @ rng.normal(size=(width, width)) * np.sqrt(variance / width)
        correlations.append(a[0] @ a[1] / np.linalg.norm(a[0]) / np.linalg.norm(a[1]))
    per_layer = (correlations[-1] / correlations[0]) ** (1 / 3)
    assert per_layer == pytest.approx(np.exp(-1 / depth_scale(variance)), abs=0.1)


@pytest.mark.parametrize("name", PUBLISHED)
def test_each_comes_out_in_small_and_not_where_both_nets_are_plain(name, tmp_path):
    each = PUBLISHED[name]
    plan = each.small
    found = sweep(plan.base, dict(plan.grid), seeds=plan.seeds, keep="summary", progress=False)
    came, told = each.judge(found)
    assert came, told
    assert "BatchNorm" in told
    figure = each.figure(found)
    rings = [trace for trace in figure.data if trace.type == "scatter"]
    assert len(rings) == (each.expected is not None)
    without = {cell: alike(outcome) for cell, outcome in found.outcomes.items()}
    assert not each.judge(Sweep(found.base, found.axes, without))[0]


def alike(outcome: Outcome) -> Outcome:
    """As if BatchNorm changed nothing."""
    plain, _ = outcome.rows
    return Outcome((plain, plain | {"arm": "batch"}))


def test_how_far_a_net_reaches_against_a_plain_loop():
    plan = PUBLISHED["rate-against-depth"].plan
    cells = replace(plan, seeds=3).cells
    rng = np.random.default_rng(1)
    accuracy = {cell: float(rng.random()) for cell in cells}
    made_up = {cell: Outcome(({"arm": "none", "diverged_at": np.nan, "train_accuracy": accuracy[cell]},))
               for cell in cells}  # fmt: skip
    found = reach(Sweep(replace(plan.base, arms=(Arm("none"),)), plan.axes, made_up), "none", "learning_rate", "depth")
    for depth in dict(plan.grid)["depth"]:
        best = 0.0
        for rate in dict(plan.grid)["learning_rate"]:
            there = [accuracy[cell] for cell in cells if dict(cell.place) == {"depth": depth, "learning_rate": rate}]
            best = rate if sorted(there)[1] >= 0.5 else best
        assert found[depth] == best
