"""What must be said of a run, what must not, and every number against a slow recount."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from bnviz.verdict import Span, findings
from tests.support.trained import SETTINGS, Run, late, layer_medians, median, run, slope, trained

pytestmark = pytest.mark.filterwarnings("error")


PRESENT = [
    ("sigmoid", "chance", 0), ("sigmoid", "vanishing", 0), ("sigmoid", "helps", 1), ("sigmoid", "ics", 1),
    ("good_init", "no_help", 1), ("diverging", "diverged", 0), ("diverging", "helps", 1),
    ("hot", "saturated", 0), ("hot", "chance", 0), ("pairs", "tiny_batch", 1), ("pairs", "hurts", 1),
    ("pairs", "vanishing", 1), ("fours", "tiny_batch", 1), ("regression", "helps", 1),
    ("tiny_weights", "dead", 0), ("tiny_weights", "vanishing", 0), ("deep_start", "exploding", 1),
    ("toggled", "eval_gap", 0), ("forked", "helps", 1), ("forked", "chance", 0), ("six", "helps", 2),
    ("no_plain", "ics", 1), ("alone", "chance", 0), ("alone", "vanishing", 0), ("smooth", "landscape", 1),
]  # fmt: skip
ABSENT = [
    ("sigmoid", "chance", 1), ("sigmoid", "vanishing", 1), ("sigmoid", "saturated", 0), ("sigmoid", "dead", 0),
    ("sigmoid", "tiny_batch", 1), ("sigmoid", "eval_gap", 1), ("sigmoid", "no_help", 1), ("sigmoid", "landscape", 1),
    ("sigmoid", "diverged", 0), ("good_init", "chance", 0), ("good_init", "vanishing", 0), ("good_init", "dead", 0),
    ("good_init", "helps", 1), ("good_init", "hurts", 1), ("good_init", "exploding", 1), ("diverging", "chance", 0),
    ("diverging", "ics", 1), ("diverging", "diverged", 1), ("diverging", "vanishing", 0), ("hot", "saturated", 1),
    ("pairs", "tiny_batch", 0), ("pairs", "dead", 0), ("pairs", "dead", 1), ("fours", "chance", 1),
    ("regression", "chance", 0), ("regression", "chance", 1), ("maps", "tiny_batch", 1), ("deep_start", "chance", 0),
    ("deep_start", "eval_gap", 1), ("deep_start", "article", 1), ("toggled", "eval_gap", 1), ("toggled", "no_help", 1),
    ("toggled", "article", 1), ("settled", "eval_gap", 0), ("no_plain", "article", 1), ("alone", "ics", 0),
    ("forked", "chance", 1), ("six", "chance", 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kind", "arm"), PRESENT)
def test_a_finding_that_must_appear(name, kind, arm):
    assert (kind, arm) in trained(name).kinds()


@pytest.mark.parametrize(("name", "kind", "arm"), ABSENT)
def test_a_finding_that_must_not_appear(name, kind, arm):
    assert (kind, arm) not in trained(name).kinds()


def test_numbers_of_findings_are_medians_over_the_last_third():
    run = trained("sigmoid")
    loss = median([frame.test_loss for frame in late(run, 0)])
    chance = run.only("chance", 0)
    assert chance.numbers["test_loss"] == pytest.approx(loss)
    assert chance.numbers["chance_loss"] == pytest.approx(math.log(10))
    assert Span(f"{loss:.2f}", 0) in chance.spans
    rate = slope(layer_medians(run, 0, "grad_norm"))
    assert run.only("vanishing", 0).numbers["rate"] == pytest.approx(rate)
    assert rate == pytest.approx(4, rel=0.15)  # SCIENCE law 18
    ics = run.only("ics", 1)
    for measure in ("l2", "relative", "cosine"):
        for suffix, arm in (("", 1), ("_reference", 0)):
            expected = median(layer_medians(run, arm, f"ics_{measure}")[1:])
            assert ics.numbers[measure + suffix] == pytest.approx(expected)
    assert ics.numbers["agree"] == 1
    saturated = trained("hot").only("saturated", 0)
    assert saturated.numbers["share"] == max(layer_medians(trained("hot"), 0, "saturated")[:-1])
    tiny = trained("pairs").only("tiny_batch", 1)
    norms = layer_medians(trained("pairs"), 1, "grad_norm")
    assert tiny.numbers["gradient_share"] == pytest.approx(norms[0] / norms[-1])
    assert trained("fours").only("tiny_batch", 1).numbers["noise"] == pytest.approx(1 / math.sqrt(6))


def test_divergence_is_told_at_its_very_step():
    slow = run(**SETTINGS["diverging"] | {"measure_every": 1, "steps": 40})
    first = next(frames[0].step for frames in slow.steps if not math.isfinite(frames[0].train_loss))
    burst = next(frames[0].step for frames in slow.steps if not np.isfinite(frames[0].grad_norm).all())
    assert burst in (first - 1, first)  # the gradient breaks before the weights do
    assert trained("diverging").only("diverged", 0).numbers["step"] == first
    assert f"Without normalization training diverged at step {first}." in trained("diverging").say()
    assert "diverged" not in trained("diverging").say(at=1)  # looking back to before it happened
    unknown = findings(slow.config, slow.steps)  # no events: the first frame that is not finite
    assert [finding.numbers["step"] for finding in unknown if finding.kind == "diverged"] == [burst]


def test_one_odd_frame_changes_no_finding():
    run = trained("sigmoid")
    plain, batch = run.steps[-1]
    odd = replace(batch, test_accuracy=0.1, test_loss=2.4, train_loss=2.4, ics_relative=batch.ics_relative * 1e-6)
    assert Run(run.config, [*run.steps[:-1], (plain, odd)], run.events).kinds() == run.kinds()


def test_findings_come_by_importance():
    for name in ("sigmoid", "six", "pairs"):
        ranks = [finding.importance for finding in trained(name).found()]
        assert ranks == sorted(ranks, reverse=True)
    claims = [finding.agrees for finding in trained("sigmoid").found() if finding.kind == "article"]
    assert claims[0] is False
