from __future__ import annotations

import math
import random

import numpy as np
import pytest

from bnviz.comparing.judging import best, interval
from bnviz.comparing.planning import Plan
from bnviz.comparing.report import reported
from bnviz.comparing.running import Run
from bnviz.comparing.settings import Settings


def told(results, chance=math.nan, classes=True):
    """The report of made-up runs: {variant: {rate: outcomes by seed, None for a loss that is not finite}}."""
    runs, rates = [], set()
    for variant, by_rate in results.items():
        for rate, outcomes in by_rate.items():
            rates.add(rate)
            for seed, value in enumerate(outcomes):
                if value is None:
                    runs.append(Run(variant, rate, seed, diverged_at=3))
                    continue
                loss = 1 - value if classes else value
                accuracy = value if classes else math.nan
                runs.append(Run(variant, rate, seed, 0.1, loss, accuracy, loss, seconds=1.0))
    settings = Settings(tuple(results), tuple(rates), len(runs) // len(rates) // len(results))
    return reported(
        Plan(tuple(results), dict.fromkeys(results, ()), dict.fromkeys(results, ())), settings, runs[::-1], chance
    )


LOW = [0.90, 0.91, 0.92, 0.91, 0.915]


def test_the_interval_is_a_bootstrap_with_longer_arms():
    gains = [0.1, 0.4, 0.15, 0.22, 0.3, 0.05]
    draw = random.Random(3)
    means = sorted(sum(draw.choice(gains) for _ in gains) / len(gains) for _ in range(40_000))
    middle = sum(gains) / len(gains)
    longer = math.sqrt(6 / 5) * 2.5706 / 1.95996  # t of 5 degrees of freedom, and z, from a table
    low, high = interval(gains)
    assert low == pytest.approx(middle - longer * (middle - means[1000]), abs=0.006)
    assert high == pytest.approx(middle + longer * (means[39_000] - middle), abs=0.006)
    together = interval(gains, comparisons=3)
    assert together[0] < low < high < together[1]


def test_the_interval_holds_the_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    held = [low <= 0 <= high for low, high in (interval(rng.normal(size=5)) for _ in range(200))]
    assert 0.90 <= np.mean(held) <= 0.99


def test_the_interval_of_equal_differences_and_of_one():
    assert interval([0.5, 0.5, 0.5]) == (0.5, 0.5)
    assert np.isnan(interval([0.5])).all()


def test_normalization_that_helps():
    report = told({"as is": {0.1: LOW, 1.0: [0.2] * 5}, "batch": {0.1: LOW, 1.0: [x + 0.05 + x / 100 for x in LOW]}})
    assert report.verdict == (
        "With BatchNorm your net reaches 97.0 % test accuracy at rate 1, 5.9 points more than as it is at its own best "
        "rate 0.1 (5 seeds, 95 % interval 5.9 to 5.9)."
    )
    remarks = "\n".join(report.remarks)
    assert "At the same rate 0.1, your net reaches 0.0 points more with BatchNorm than as it is" in remarks
    assert "The best rate with BatchNorm is the highest tried, 1" in remarks


def test_normalization_that_hurts():
    report = told({"as is": {0.1: LOW}, "batch": {0.1: [x - 0.05 - x / 99 for x in LOW]}, "layer": {0.1: [0.5] * 5}})
    assert report.verdict == (
        "As it is your net does best: it reaches 91.1 % test accuracy at rate 0.1, 5.9 points more than with "
        "BatchNorm, the next best (5 seeds, 95 % interval 5.9 to 5.9)."
    )
    assert "Only the rate 0.1 was tried" in report.remarks[0]


def test_no_difference_is_an_answer():
    report = told({"as is": {0.1: LOW}, "none": {0.1: [0.90, 0.92, 0.90, 0.93, 0.91]}})
    assert report.verdict.startswith(
        "No difference that 5 seeds can show between your net as it is (91.1 % test accuracy at rate 0.1) and without "
        "normalization (91.2 % test accuracy at rate 0.1): +0.1 points (95 % interval -"
    )
    assert report.differences["none"].low < 0 < report.differences["none"].high


def test_a_lower_loss_is_better():
    report = told({"as is": {0.1: [1.0, 1.1, 1.2]}, "batch": {0.1: [0.5, 0.61, 0.7]}}, classes=False)
    assert report.verdict.startswith(
        "With BatchNorm your net reaches a test loss of 0.603 at rate 0.1, 0.497 less than as it is (3 seeds"
    )
    assert "-0.497" in str(report)


def test_a_loss_that_is_not_finite_is_worse_than_any_that_is():
    runs = told({"as is": {0.1: [0.3, 0.3, 0.3], 1.0: [0.9, 0.9, None]}, "batch": {0.1: LOW[:3], 1.0: LOW[:3]}}).runs
    assert best("as is", runs, "test_accuracy").learning_rate == 0.1
    report = told({"as is": {0.1: [0.9, None, None]}, "batch": {0.1: LOW[:3]}})
    assert report.verdict == (
        "With BatchNorm your net reaches 91.0 % test accuracy at rate 0.1 with a finite loss for 3 seeds; as it is, 2 "
        "of 3 seeds end without a finite loss."
    )
    report = told({"as is": {0.1: LOW[:3]}, "batch": {0.1: [None] * 3}})
    assert "no other variant ends with a finite loss for 3 seeds" in report.verdict
    report = told({"as is": {0.1: [None] * 3}, "batch": {0.1: [None] * 3}})
    assert report.verdict == "No run of any variant ended with a finite loss: lower rates may help."
    assert "0/3" in str(report)


@pytest.mark.parametrize(("seeds", "said"), [(1, "1 seed"), (2, "2 seeds")])
def test_too_few_seeds_show_no_difference(seeds, said):
    report = told({"as is": {0.1: LOW[:seeds]}, "batch": {0.1: [0.99, 0.98][:seeds]}})
    assert f"but {said} can show no difference: take 3 or more." in report.verdict
    assert "too few seeds to tell" in str(report)
    assert "better" not in str(report)


def test_a_net_that_learns_nothing_is_told_of():
    report = told({"as is": {0.1: [0.1, 0.11, 0.1]}, "batch": {0.1: [0.9, 0.8, 0.9]}}, chance=0.1)
    assert "Always naming the commonest class would get 10.0 %: as it is your net learns no more" in report.remarks[0]


def test_running_statistics_that_lag_are_told_of_and_noise_in_the_batches_is_not():
    for own, told_of in ((0.2, True), (0.9, False)):
        runs = [Run("as is", 0.1, seed, 0.1, 0.5, 0.9, 0.5) for seed in range(3)]
        runs += [Run("batch", 0.1, seed, 0.1, 0.5, 0.9, own) for seed in range(3)]
        plan = Plan(("as is", "batch"), {"as is": (), "batch": ()}, {"as is": (), "batch": ()}, {"none": "as is"})
        report = reported(plan, Settings(("as is", "batch"), 0.1, 3), runs)
        assert any("0.5 in eval mode and 0.2 with each batch's own" in each for each in report.remarks) is told_of
        assert "Without normalization it is the same net as 'as is', trained once." in report.remarks


def test_a_difference_in_loss_has_the_sign_of_the_loss():
    report = told({"as is": {0.1: [1.0, 1.3, 1.2]}, "batch": {0.1: [1.2, 1.1, 1.3]}}, classes=False)
    said = report.verdict.rsplit(": ", 1)[1]
    assert said.startswith("+0.0333 (95 % interval -")
    low, high = (float(end) for end in said.split("interval ")[1].removesuffix(").").split(" to "))
    assert low < 0 < 0.0333 < high


def test_an_interval_has_the_sign_of_the_words_before_it():
    worse = [x - 0.1 - x / 100 for x in LOW]
    report = told({"as is": {0.1: LOW, 1.0: [0.2] * 5}, "batch": {0.1: worse, 1.0: [x + 0.05 for x in LOW]}})
    told_so = (
        "0.1, your net reaches 10.9 points less with BatchNorm than as it is (5 seeds, 95 % interval 10.9 to 10.9)"
    )
    assert any(told_so in each for each in report.remarks)


def test_one_seed_is_no_plural():
    assert "Means over 1 seed;" in str(told({"as is": {0.1: [0.9]}, "batch": {0.1: [0.9]}}))
