"""Answers that runs give, against the plain loops over their frames; and what no run can say."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bnviz.config import RunConfig
from bnviz.lessons.kinds import KINDS, OfEach
from bnviz.lessons.question import Option, from_code, question
from bnviz.verdict.state import read
from tests.support.trained import changed, late, layer_medians, median, slope, text, trained


def answer(run, kind, *labels):
    """The option that the run says is true, in words, and why."""
    asked = question(kind, labels, run.config)
    found = asked.answer(read(run.config, run.steps, run.events))
    return None if found.option is None else asked.options(run.config)[found.option].text, text(found.why)


def test_who_learns_is_who_is_better_than_guessing():
    run = trained("sigmoid")
    accuracies = [median([frame.test_accuracy for frame in late(run, arm)]) for arm in (0, 1)]
    assert accuracies[0] < 0.15 < 0.8 < accuracies[1]
    said, why = answer(run, "learns")
    assert said == "With BatchNorm"
    assert f"{100 * accuracies[1]:.0f}\N{NO-BREAK SPACE}%" in why
    assert answer(run, "learns", "batch")[0] == "Yes"
    assert answer(run, "learns", "none")[0] == "No"
    assert answer(trained("good_init"), "learns")[0] == "Both"
    assert answer(replace(run, steps=run.steps[:1]), "learns")[0] is None  # too early


def test_with_networks_named_the_other_way_round_so_is_the_answer():
    run = trained("sigmoid")
    options = question("learns", ("batch", "none"), run.config).options(run.config)
    assert options[:2] == (Option("With BatchNorm", 1), Option("Without normalization", 0))
    assert answer(run, "learns", "batch", "none")[0] == "With BatchNorm"


def test_in_regression_learning_is_a_loss_that_falls():
    run = trained("regression")
    falls = [late(run, arm)[-1].train_loss < 0.95 * run.steps[0][arm].train_loss for arm in (0, 1)]
    assert answer(run, "learns")[0] == {(True, True): "Both", (False, True): "With BatchNorm"}[tuple(falls)]
    flat = changed(run, 1, train_loss=run.steps[0][1].train_loss)
    assert answer(flat, "learns", "batch")[0] == "No"


def test_who_diverges():
    run = trained("diverging")
    first = next(frames[0].step for frames in run.steps if not math.isfinite(frames[0].train_loss))
    said, why = answer(run, "diverges")
    assert said == "Without normalization"
    at = int(why.split("diverged at step ")[1].split()[0])
    assert first - run.config.measure_every <= at <= first
    assert answer(run, "best")[0] == answer(run, "sooner")[0] == answer(run, "learns")[0] == "With BatchNorm"
    assert answer(run, "vanishes")[0] is None
    assert answer(run, "shifts")[0] is None
    assert answer(trained("sigmoid"), "diverges")[0] == "Neither"


def test_where_gradients_vanish_or_explode():
    run = trained("sigmoid")
    assert slope(layer_medians(run, 0, "grad_norm")) > 2
    assert answer(run, "vanishes")[0] == "Without normalization"
    assert answer(run, "explodes")[0] == "Neither"
    assert 1 / slope(layer_medians(trained("deep_start"), 1, "grad_norm")) > 1.1
    assert answer(trained("deep_start"), "explodes")[0] == "With BatchNorm"


@pytest.mark.parametrize("arm", ["none", "batch"])
def test_the_layer_with_the_smallest_gradient(arm):
    run = trained("sigmoid")
    norms = layer_medians(run, run.config.labels.index(arm), "grad_norm")
    place = norms.index(min(norms))
    said, why = answer(run, "weakest", arm)
    assert said == {0: "The first layer", len(norms) - 1: "The last layer"}.get(place, "A layer between")
    assert run.steps[0][0].layers[place] in why
    even = changed(run, run.config.labels.index(arm), grad_norm=run.steps[0][0].grad_norm * 0 + 1)
    assert answer(even, "weakest", arm)[0] == "None clearly"


def test_who_is_best_and_who_is_fastest():
    run = trained("six")
    accuracies = [median([frame.test_accuracy for frame in late(run, arm)]) for arm in range(6)]
    best = max(accuracies)
    clear = sorted(accuracies)[-2] <= best - 0.04
    options = question("best", (), run.config).options(run.config)
    assert answer(run, "best")[0] == (options[accuracies.index(best)].text if clear else "None clearly")
    half = [
        next((frames[arm].step for frames in run.steps if frames[arm].train_loss <= math.log(10) / 2), math.inf)
        for arm in range(6)
    ]
    first, second = sorted(half)[:2]
    fastest = options[half.index(first)].text if 2 * first <= second and first < math.inf else "None clearly"
    assert answer(run, "sooner")[0] == fastest
    assert answer(trained("good_init"), "best")[0] == "None clearly"


def test_who_has_more_shift_and_whose_landscape_is_steadier():
    run = trained("sigmoid")
    shifts = [median(layer_medians(run, arm, "ics_relative")[1:]) for arm in (0, 1)]
    assert shifts[1] > 1.5 * shifts[0]
    assert answer(run, "shifts")[0] == "With BatchNorm"
    assert answer(run, "steadier")[0] is None
    assert "not measured" in answer(run, "steadier")[1]
    smooth = trained("smooth")
    bands = [median([float(f.landscape_loss[1] - f.landscape_loss[0]) for f in late(smooth, arm)]) for arm in (0, 1)]
    assert bands[0] > 1.5 * bands[1]
    assert answer(smooth, "steadier")[0] == "With BatchNorm"


def test_who_is_another_in_eval_mode():
    run = trained("good_init")
    assert answer(run, "lags")[0] == "Neither"
    assert answer(changed(run, 1, eval_loss=3.0), "lags")[0] == "With BatchNorm"


def test_a_network_that_is_gone_cannot_be_asked_about():
    run = trained("sigmoid")
    left = [frames[:1] for frames in run.steps]
    found = question("learns", (), run.config).answer(read(run.config, left, run.events))
    assert found.option is None
    assert "not in this run" in text(found.why)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_a_question_and_one_answer_of_each(kind):
    config = RunConfig()
    asked = question(kind, (), config)
    assert from_code(asked.code) == asked
    assert asked.title.endswith("?")
    options = [each.text for each in asked.options(config)]
    assert len(set(options)) == len(options) == (4 if kind == "weakest" or isinstance(KINDS[kind], OfEach) else 3)


@pytest.mark.parametrize(
    "code",
    ["", "learns", "learns x", "guesses 0", "learns 0 0", "learns -1", "learns 0  1", "learns ²", "best 0 1 2 3 4 5 6"],
)
def test_what_is_no_question_is_none(code):
    assert from_code(code) is None
