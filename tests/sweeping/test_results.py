"""Verdicts and pictures, against a plain loop over made-up outcomes."""

from __future__ import annotations

from math import nan

import numpy as np
import pytest

from bnviz.config import RunConfig
from bnviz.sweeping.outcome import Outcome
from bnviz.sweeping.plan import cells
from bnviz.sweeping.results import OUTCOMES, Sweep

BASE = RunConfig(depth=2, width=8, dataset="iris")
GRID = {"depth": [2, 6, 12], "learning_rate": [0.1, 1.0]}
SEEDS = 4


def outcome(plain, batch):
    rows = [
        {"arm": arm, "step": 10, "test_accuracy": value, "diverged_at": nan if value == value else 3.0}
        for arm, value in (("none", plain), ("batch", batch))
    ]
    return Outcome(tuple(rows), seconds=1.0)


def made(values):
    """values: (plain, batch) of a cell's depth, rate and seed."""
    found = {
        cell: outcome(*values(cell.config.depth, cell.config.learning_rate, cell.config.seed))
        for cell in cells(BASE, GRID, SEEDS)
    }
    return Sweep(BASE, tuple(GRID), found)


def values(depth, rate, seed):
    if depth == 2:
        return 0.9, 0.91  # within the margin
    if depth == 6:
        return (0.5, 0.9) if seed else (0.9, 0.5)  # three of four seeds
    return (nan, 0.3) if rate == 1.0 else (0.8, nan)  # one of both diverged


def test_where_it_helps_hurts_or_makes_no_difference():
    table = made(values).compared()
    wanted = {}
    for depth in GRID["depth"]:
        for rate in GRID["learning_rate"]:
            better = worse = 0
            for seed in range(SEEDS):
                plain, batch = (-np.inf if value != value else value for value in values(depth, rate, seed))
                better, worse = better + (batch - plain > 0.02), worse + (batch - plain < -0.02)
            verdict = "helps" if better >= 3 else "hurts" if worse >= 3 else "no difference"
            wanted[depth, rate] = better / SEEDS, worse / SEEDS, verdict
    found = {(row.depth, row.learning_rate): (row.better, row.worse, row.verdict) for row in table.itertuples()}
    assert found == wanted
    assert set(table["verdict"]) == {"helps", "hurts", "no difference"}
    told = made(values).verdict().splitlines()
    assert told[0] == "Test accuracy, batch against none, at 6 places over 4 seeds:"
    assert told[1] == (
        "helps at 3: depth 6, learning_rate 0.1 (75% of seeds); depth 6, learning_rate 1 (75% of seeds); "
        "depth 12, learning_rate 1 (100% of seeds)."
    )
    assert told[2] == "hurts at 1: depth 12, learning_rate 0.1 (100% of seeds)."


def test_a_single_seed_gives_no_verdict():
    one = Sweep(BASE, (), {cells(BASE, {}, 1)[0]: outcome(0.1, 0.9)})
    assert one.verdict() == "One seed says nothing of where a normalization matters: sweep over several."


def test_a_picture_has_an_arm_each_and_their_difference():
    found = made(values)
    figure = found.figure(x="depth", y="learning_rate")
    plain, batch, difference = figure.data
    medians = np.full((2, 3), np.nan)
    for row, rate in enumerate(GRID["learning_rate"]):
        for column, depth in enumerate(GRID["depth"]):
            given = [values(depth, rate, seed)[0] for seed in range(SEEDS)]
            median = np.median(np.nan_to_num(given, nan=-np.inf))
            medians[row, column] = median if np.isfinite(median) else np.nan
    np.testing.assert_array_equal(np.array(plain.z, float), medians)
    np.testing.assert_allclose(np.array(difference.z, float), np.array(batch.z, float) - np.array(plain.z, float))
    assert list(plain.x) == ["2", "6", "12"]
    assert [note.text for note in figure.layout.annotations] == ["none", "batch", "batch − none"]
    often = made(lambda depth, rate, seed: (nan if seed < 3 else 0.9, 0.5)).figure(x="depth", y="learning_rate")
    assert np.isnan(np.array(often.data[0].z, float)).all(), "three of four diverged: no survivor speaks for them"
    share = found.figure("diverged").data[0]
    assert np.array(share.z, float).max() == 1.0


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda found: found.figure("beauty"), "An outcome must be one of test_accuracy, .*got 'beauty'"),
        (lambda found: found.figure(x="width"), "An axis must be one of depth, learning_rate, seed, got 'width'"),
        (lambda found: found.figure(x="depth", y="depth"), "two different axes"),
        (lambda found: found.verdict(arm="layer"), "An arm must be one of none, batch, got 'layer'"),
    ],
)
def test_mistakes_are_one_sentence(call, told):
    with pytest.raises(ValueError, match=told):
        call(made(values))
    assert set(OUTCOMES) >= {"test_accuracy", "steps_to_90", "ics_relative", "gradient_rate", "diverged"}
