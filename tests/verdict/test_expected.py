"""Every preset shows what it says, over three seeds; its rules see when it does not, and measure what they name."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import pytest

from bnviz.frames import Frame
from bnviz.presets import PRESETS
from bnviz.training import train
from bnviz.verdict.expected import RULES, Rule, by_arm, outcomes, worst_outcomes

SEEDS = (0, 1, 2)
STEPS = {
    "ioffe-fig1": 1000, "santurkar-fig4": 120, "santurkar-norms": 400, "varma-init": 120, "tiny-batch": 600,
    "good-init": 400, "before-bn": 1300, "bn-gradient-explosion": 6,
}  # fmt: skip
"""Enough for the outcome to show. The others are laws of `bnviz check`: tests/test_check.py trains those."""


@cache
def run(name: str, seed: int) -> tuple[Frame, ...]:
    config = replace(PRESETS[name].config, seed=seed, steps=STEPS[name])
    return tuple(train(replace(config, measure_every=min(config.measure_every, STEPS[name] // 3))))


def test_every_preset_has_rules():
    assert list(RULES) == list(PRESETS)
    assert all(RULES.values())


LONG = ("santurkar-norms", "before-bn")
"""One seed is enough of these, for which no paper states an outcome in numbers; benchmarks/presets.py runs all."""


@pytest.mark.parametrize(("name", "seed"), [(n, seed) for n in STEPS for seed in (SEEDS[:1] if n in LONG else SEEDS)])
def test_a_preset_shows_what_it_says(name, seed):
    assert [each for each in outcomes(name, run(name, seed)) if not each.holds] == []


@pytest.mark.parametrize("name", [name for name in STEPS if name != "good-init"])
def test_with_the_networks_exchanged_it_does_not(name):
    other = {"none": "batch", "batch": "none"}
    exchanged = [replace(frame, arm=other.get(frame.arm, frame.arm)) for frame in run(name, 0)]
    assert any(not each.holds for each in outcomes(name, exchanged))


def test_a_net_that_lags_behind_is_not_a_good_init():
    frames = [
        replace(frame, test_accuracy=frame.test_accuracy - 0.05) if frame.arm == "none" else frame
        for frame in run("good-init", 0)
    ]
    assert not outcomes("good-init", frames)[1].holds


def measured(name: str, what: str) -> float:
    (rule,) = [rule for rule in RULES[name] if rule.what == what]
    return rule.measure(by_arm(run(name, 0)))


def test_growth_is_about_that_from_the_first_to_the_last_layer():
    first = run("bn-gradient-explosion", 0)[1]
    norms = first.grad_norm.tolist()
    assert first.arm == "batch"
    growth = measured("bn-gradient-explosion", "squared gradient, growth per layer backwards, BN (1.47)")
    assert growth == pytest.approx((norms[8] / norms[47]) ** (2 / 39), rel=0.02)


def test_the_loss_band_by_a_plain_loop():
    widths: dict[str, list[float]] = {"none": [], "batch": []}
    for frame in run("santurkar-fig4", 0):
        low, high = frame.landscape_loss
        widths[frame.arm].append(high - low)
    middle = {arm: sum(sorted(values)[5:7]) / 2 for arm, values in widths.items()}
    assert len(widths["none"]) == 12
    found = measured("santurkar-fig4", "width of the loss band, plain over BN")
    assert found == pytest.approx(middle["none"] / middle["batch"])


def test_steps_to_learn_and_the_range_of_a_median_by_a_plain_loop():
    steps, medians = {}, {"none": [], "batch": []}
    for frame in run("ioffe-fig1", 0):
        if frame.test_accuracy >= 0.9:
            steps.setdefault(frame.arm, frame.step)
        medians[frame.arm].append(float(frame.unit_percentiles[2, 1]))
    assert frame.layers[2] == "layer 3"
    assert measured("ioffe-fig1", "steps to 90 %, BN") == steps["batch"]
    ranges = {arm: max(values) - min(values) for arm, values in medians.items()}
    found = measured("ioffe-fig1", "range of a unit's median, plain over BN")
    assert found == pytest.approx(ranges["none"] / ranges["batch"])


def test_the_worst_of_several_values_is_told():
    rule = Rule("number", lambda arms: 0.0, low=1, high=3)
    assert rule.worst([2.0, 2.9, 2.5]) == ("number", "1.00 to 3.00", "2.90", True)
    assert rule.worst([2.0, 5.0, 0.9]) == ("number", "1.00 to 3.00", "5.00", False)
    assert not rule.worst([2.0, math.nan]).holds
    assert Rule("number", lambda arms: 0.0, high=math.inf, low=2).expected == "≥ 2.00"


def test_one_run_that_fails_is_enough():
    good = run("good-init", 0)
    bad = [replace(frame, test_accuracy=0.1) for frame in good]
    assert not worst_outcomes("good-init", [good, bad])[0].holds
