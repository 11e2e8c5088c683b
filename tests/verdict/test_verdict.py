"""The sentence on real runs: its words, its numbers, their colours."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from bnviz.config import MAX_ARMS, RunConfig
from bnviz.verdict import Span, findings, sentence
from bnviz.verdict.wording import factor, number, percent
from tests.support.trained import SETTINGS, changed, late, layer_medians, median, slope, text, trained
from tests.support.trained import run as train_run

pytestmark = pytest.mark.filterwarnings("error")


def test_numbers_of_the_sentence_are_those_of_the_frames_in_the_colour_of_their_arm():
    run = trained("sigmoid")
    spans = sentence(run.config, run.steps, run.events)
    ours, other = (median(layer_medians(run, arm, "ics_relative")[1:]) for arm in (1, 0))
    plain_loss = median([frame.test_loss for frame in late(run, 0)])
    accuracy = median([frame.test_accuracy for frame in late(run, 1)])
    coloured = [span for span in spans if span.arm is not None]
    assert coloured == [
        Span("Without normalization", 0), Span(f"{plain_loss:.2f}", 0),
        Span(factor(slope(layer_medians(run, 0, "grad_norm"))), 0),
        Span("With BatchNorm", 1), Span(percent(accuracy), 1), Span(number(ours), 1), Span(number(other), 0),
    ]  # fmt: skip
    assert "nothing is learned: loss" in text(spans)
    assert "is chance (ln 10), and gradients fall" in text(spans)
    assert "although its ICS is larger" in text(spans)
    assert not re.search(r"\d", "".join(span.text for span in spans if span.arm is None).replace("ln 10", ""))


def test_before_the_first_update_nothing_is_judged():
    for name in ("sigmoid", "regression", "six", "deep_start", "alone"):
        assert trained(name).say(0).startswith("Nothing is learned yet: loss is ")
        assert {each.kind for each in findings(trained(name).config, trained(name).steps[:1])} <= {
            "vanishing", "exploding", "dead", "ics", "saturated"}  # fmt: skip


def test_the_current_treatment_counts():
    run = trained("toggled")
    assert run.say(0).endswith("without normalization and 2.78 with BatchNorm.")
    assert "With BatchNorm accuracy is" in run.say()
    assert "With BatchNorm · since step 102 accuracy is" in run.say()
    assert "in eval mode" in run.say()
    gap = run.only("eval_gap", 0)
    frame = run.steps[-1][0]  # the only one since the change
    assert (gap.numbers["train_loss"], gap.numbers["eval_loss"]) == (frame.train_loss, frame.eval_loss)
    assert gap.numbers["mean_gap"] == np.nanmax(frame.running_mean_gap)


def test_arms_that_are_alike_are_told_apart():
    names = {(span.text, span.arm) for finding in trained("alike").found() for span in finding.spans}
    assert {("With BatchNorm (2)", 2), ("with BatchNorm", 0)} <= names
    said = trained("alike").say().lower()
    for name in ("with batchnorm ", "with batchnorm, lr 0.1", "with batchnorm (2)"):
        assert name in said


def test_a_forked_arm_has_its_place_and_is_compared_since_the_fork():
    run = trained("forked")
    assert "Without normalization nothing is learned" in run.say()
    assert Span("With BatchNorm", 1) in sentence(run.config, run.steps, run.events)
    assert "BatchNorm" not in run.say(3)  # before the fork


def test_one_arm_or_no_plain_one():
    assert "BatchNorm" not in trained("alone").say()
    assert trained("no_plain").say().count("With") == 2
    assert sentence(RunConfig(), ()) == ()
    assert findings(RunConfig(), []) == ()


def test_regression_has_no_accuracy_and_no_chance():
    said = trained("regression").say() + "".join(finding.text for finding in trained("regression").found())
    assert "accuracy" not in said
    assert "chance" not in said
    assert "test loss" in said


def test_frames_full_of_nan_or_zero_are_survived():
    for name in ("sigmoid", "regression", "six"):
        run = trained(name)
        for value in (math.nan, math.inf, 0.0):
            blank = {each: np.full(7, value) for each in ("grad_norm", "ics_l2", "ics_relative", "ics_cosine")}
            for arm in range(len(run.config.arms)):
                run = changed(
                    run, arm, train_loss=value, test_loss=value, test_accuracy=value, eval_loss=value, **blank
                )
            assert run.say()
            assert all(math.isnan(v) or isinstance(v, (int, float)) for f in run.found() for v in f.numbers.values())


def test_sentences_fit_above_the_charts():
    for name in (*SETTINGS, "toggled", "forked"):
        arms = len(trained(name).steps[-1])
        for at in range(len(trained(name).steps)):
            assert len(trained(name).say(at)) <= (230 if arms <= 2 else 60 * MAX_ARMS)
            assert "unknown" not in trained(name).say(at)


def test_sentence_and_findings_give_the_same_numbers():
    for name in ("sigmoid", "good_init", "hot", "fours"):
        run = trained(name)
        numbers = {span for finding in run.found() for span in finding.spans if span.arm is not None}
        said = [span for span in sentence(run.config, run.steps, run.events) if re.search(r"\d", span.text)]
        assert said
        assert {span for span in said if "%" in span.text or "×" in span.text} <= numbers


def test_after_a_few_steps_it_is_too_early_to_tell():
    run = train_run(steps=41, measure_every=1)
    early = text(sentence(run.config, run.steps[:4]))
    assert "too early to tell" in early
    assert "nothing is learned" not in early
    assert not {finding.kind for finding in findings(run.config, run.steps[:4])} & {"chance", "article"}
    assert "Without normalization nothing is learned" in text(sentence(run.config, run.steps))


def test_what_beats_guessing_clearly_has_learned():
    """On the spiral BatchNorm's net had 64 % right, 4 standard deviations above chance, and was said to guess."""
    run = train_run(dataset="spiral", depth=5, activation="tanh", learning_rate=0.3, steps=400, measure_every=10)
    accuracy = median([frame.test_accuracy for frame in late(run, 1)])
    assert accuracy > 0.5 + 3 * (0.25 / 200) ** 0.5
    assert "nothing is learned" not in text(sentence(run.config, run.steps)).split("BatchNorm")[1]
    assert ("chance", 1) not in run.kinds()
