"""Lines with bands, and the picture of verdicts, against plain loops over made-up outcomes."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import numpy as np
import pytest

from bnviz.config import RunConfig
from bnviz.sweeping.lines import _logarithmic
from bnviz.sweeping.outcome import Outcome
from bnviz.sweeping.plan import Plan
from bnviz.sweeping.results import Sweep

PLAN = Plan(RunConfig(dataset="iris", width=8), (("depth", (1, 2)), ("learning_rate", (0.01, 0.1, 1.0))), 5)


def made_up(plan=PLAN):
    rng = np.random.default_rng(3)
    outcomes = {}
    for cell in plan.cells:
        rate = cell.config.learning_rate
        gone = rate == 1.0 and cell.config.depth == 2
        rows = [
            {"arm": "none", "test_accuracy": nan if gone else rng.random() / 2, "diverged_at": 7.0 if gone else nan},
            {"arm": "batch", "test_accuracy": rng.random() / 2 + (0.5 if rate > 0.05 else 0.0), "diverged_at": nan},
        ]
        outcomes[cell] = Outcome(tuple(rows))  # fmt: skip
    return Sweep(plan.base, plan.axes, outcomes)


def values(sweep, arm, depth, rate):
    return [row["test_accuracy"] for cell, outcome in sweep.outcomes.items() for row in outcome.rows
            if (row["arm"], cell.config.depth, cell.config.learning_rate) == (arm, depth, rate)]  # fmt: skip


def test_lines_are_medians_and_bands_quantiles_of_the_seeds():
    sweep = made_up()
    figure = sweep.lines()
    lines = [trace for trace in figure.data if trace.mode == "lines+markers"]
    bands = [trace for trace in figure.data if trace.fill == "toself"]
    assert [trace.name for trace in lines] == ["none", "batch"] * 2
    assert figure.layout.xaxis.type == "log"
    assert [each.text for each in figure.layout.annotations] == ["Depth 1", "Depth 2"]
    for place, (line, band) in enumerate(zip(lines, bands, strict=True)):
        depth, lost = (1, 2)[place // 2], place == 2
        for rate, median, share in zip(line.x, line.y, line.customdata, strict=True):
            there = sorted(values(sweep, line.name, depth, rate))
            gone = lost and rate == 1.0
            assert share == gone
            assert np.isnan(median) if gone else median == there[2]
        known = [rate for rate in line.x if not (lost and rate == 1.0)]
        assert list(band.x) == known + known[::-1]
        low = [np.quantile(values(sweep, line.name, depth, rate), 0.1) for rate in known]
        high = [np.quantile(values(sweep, line.name, depth, rate), 0.9) for rate in known]
        np.testing.assert_allclose(band.y, high + low[::-1])


def test_an_axis_is_logarithmic_where_values_lie_so():
    assert _logarithmic([0.01, 0.1, 1.0])
    assert not _logarithmic([2, 6, 12, 20])
    assert not _logarithmic([1.0, 1.1, 1.21])
    assert not _logarithmic([0.0, 0.1, 1.0])
    assert not _logarithmic(["relu", "tanh"])


def test_many_panels_are_thinned_and_said():
    plan = replace(PLAN, grid=(("depth", tuple(range(1, 21))), ("learning_rate", (0.01, 0.1))), seeds=2)
    figure = made_up(plan).lines()
    assert len(figure.layout.annotations) == 8
    assert "12 more of depth left out" in figure.layout.title.text


def test_along_what_there_is_not_is_a_sentence():
    with pytest.raises(ValueError, match="An axis must be one of depth, learning_rate, got 'width'"):
        made_up().lines(x="width")
    with pytest.raises(ValueError, match="none but its seeds"):
        made_up(replace(PLAN, grid=())).lines()


def test_the_picture_of_verdicts_says_in_words_what_the_table_does():
    sweep = made_up()
    heatmap = sweep.figure_of_verdicts().data[0]
    for row in sweep.compared().to_dict("records"):
        at = list(heatmap.y).index(str(row["depth"]))
        text = heatmap.text[at][list(heatmap.x).index(f"{row['learning_rate']:g}")]
        share = max(row["better"], row["worse"])
        assert text == ("=" if row["verdict"] == "no difference" else f"{row['verdict']}<br>{share:.0%}")
        assert heatmap.z[at][list(heatmap.x).index(f"{row['learning_rate']:g}")] == row["better"] - row["worse"]
    assert "helps<br>100%" in {text for row in heatmap.text for text in row}


def test_places_that_share_a_cell_and_disagree_differ():
    plan = replace(PLAN, grid=(("depth", (1, 2)), ("learning_rate", (0.01, 1.0)), ("width", (8, 16))), seeds=4)
    figure = made_up(plan).figure_of_verdicts(x="depth", y="width")
    assert "differs" in {text for row in figure.data[0].text for text in row}
    with pytest.raises(ValueError, match="two axes beside"):
        made_up(plan).figure_of_verdicts(x="seed")
