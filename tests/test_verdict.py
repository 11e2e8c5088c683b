"""The verdict on real runs: what must be said, what must not, and every number against a slow recount."""

from __future__ import annotations

import doctest
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from bnviz import wording
from bnviz.comparisons import order
from bnviz.config import MAX_ARMS, Arm, RunConfig
from bnviz.frames import Event, Frame
from bnviz.signs import gradient_rate
from bnviz.training import Trainer
from bnviz.verdict import Finding, Span, findings, sentence
from bnviz.wording import factor, number, percent

pytestmark = pytest.mark.filterwarnings("error")
Steps = list[tuple[Frame, ...]]


@dataclass(frozen=True)
class Run:
    config: RunConfig
    steps: Steps
    events: tuple[Event, ...]

    def found(self) -> tuple[Finding, ...]:
        return findings(self.config, self.steps, self.events)

    def kinds(self) -> set[tuple[str, int | None]]:
        return {(finding.kind, finding.arm) for finding in self.found()}

    def say(self, at: int = -1) -> str:
        return text(sentence(self.config, self.steps[at], self.events))

    def only(self, kind: str, arm: int) -> Finding:
        (finding,) = [each for each in self.found() if (each.kind, each.arm) == (kind, arm)]
        return finding

    def claims(self) -> dict[str, bool | None]:
        """The article's claims by a word of each, with what the run says to them."""
        found = [finding for finding in self.found() if finding.kind == "article"]
        words = ("steadier", "correlation", "variance", "vanishing")
        return {word: each.agrees for word in words for each in found if word in each.text.split("”")[0]}


def text(spans: tuple[Span, ...]) -> str:
    return "".join(span.text for span in spans)


def run(at: int = 0, do: Callable[[Trainer], object] | None = None, **fields: object) -> Run:
    """Train and keep everything; `do` happens before update `at`."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    config = RunConfig.from_dict({name: str(value) for name, value in fields.items()})
    trainer, steps = Trainer(config), []
    while not trainer.finished:
        if do is not None and trainer.step_count == at:
            do(trainer)
        frames = trainer.step(measure=trainer.due)
        steps += [frames] if frames else []
    torch.set_num_threads(threads)
    return Run(config, steps, tuple(trainer.events))


RELU = {"activation": "relu", "init": "he", "steps": 200}
SETTINGS: dict[str, dict[str, object]] = {
    "sigmoid": {"steps": 200},
    "good_init": RELU | {"learning_rate": 0.05},
    "diverging": RELU | {"learning_rate": 1.0, "steps": 60},
    "hot": {"activation": "tanh", "learning_rate": 1.0, "steps": 150},
    "pairs": RELU | {"batch_size": 2, "learning_rate": 0.05, "steps": 150},
    "fours": RELU | {"batch_size": 4, "learning_rate": 0.05, "steps": 100},
    "regression": {"dataset": "gaussian", "loss": "squared_error", "activation": "identity", "learning_rate": 1e-5,
                   "width": 10, "batch_size": 1000, "steps": 200},
    "tiny_weights": {"activation": "relu", "init": "normal_0.01", "depth": 12, "width": 32, "steps": 40,
                     "learning_rate": 0.1, "measure_every": 5},
    "deep_start": {"activation": "relu", "init": "he", "depth": 50, "steps": 1},
    "maps": {"model": "cnn", "depth": 2, "width": 4, "batch_size": 2, "steps": 11, "activation": "relu"},
    "six": {"arms": "none,batch,batch_l1,layer,group,rms", "steps": 120},
    "alike": {"arms": "batch,batch@0.1,batch", "steps": 60, "depth": 2},
    "no_plain": {"arms": "layer,batch", "steps": 60},
    "alone": {"arms": "none", "steps": 60},
}  # fmt: skip


def _toggle(trainer: Trainer) -> None:
    trainer.change("none", normalization="batch")


def _fork(trainer: Trainer) -> None:
    trainer.fork("none", normalization="batch")


@pytest.fixture(scope="module")
def runs() -> Callable[[str], Run]:
    known: dict[str, Run] = {}

    def get(name: str) -> Run:
        if name not in known:
            toggled = RELU | {"learning_rate": 0.05}
            known[name] = {
                "toggled": lambda: run(102, _toggle, **toggled | {"steps": 106, "measure_every": 5}),
                "settled": lambda: run(102, _toggle, **toggled | {"steps": 250}),
                "forked": lambda: run(55, _fork, arms="none", steps=160),
            }.get(name, lambda: run(**SETTINGS[name]))()
        return known[name]

    return get


PRESENT = [
    ("sigmoid", "chance", 0), ("sigmoid", "vanishing", 0), ("sigmoid", "helps", 1), ("sigmoid", "ics", 1),
    ("good_init", "no_help", 1), ("diverging", "diverged", 0), ("diverging", "helps", 1),
    ("hot", "saturated", 0), ("hot", "chance", 0), ("pairs", "tiny_batch", 1), ("pairs", "hurts", 1),
    ("pairs", "vanishing", 1), ("pairs", "chance", 1), ("fours", "tiny_batch", 1), ("regression", "helps", 1),
    ("tiny_weights", "dead", 0), ("tiny_weights", "vanishing", 0), ("deep_start", "exploding", 1),
    ("toggled", "eval_gap", 0), ("forked", "helps", 1), ("forked", "chance", 0), ("six", "helps", 2),
    ("no_plain", "ics", 1), ("alone", "chance", 0), ("alone", "vanishing", 0),
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
def test_a_finding_that_must_appear(runs, name, kind, arm):
    assert (kind, arm) in runs(name).kinds()


@pytest.mark.parametrize(("name", "kind", "arm"), ABSENT)
def test_a_finding_that_must_not_appear(runs, name, kind, arm):
    assert (kind, arm) not in runs(name).kinds()


# Numbers, recounted slowly.


def median(values: list[float]) -> float:
    values, half = sorted(values), len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def late(run: Run, arm: int) -> list[Frame]:
    """The frames of the last third of the steps."""
    last, first = run.steps[-1][0].step, run.steps[0][0].step
    return [frames[arm] for frames in run.steps if last - frames[arm].step <= (last - first) / 3]


def layer_medians(run: Run, arm: int, name: str) -> list[float]:
    frames = late(run, arm)
    return [median([float(getattr(frame, name)[i]) for frame in frames]) for i in range(len(frames[0].layers))]


def slope(norms: list[float]) -> float:
    """Least squares by the textbook: sum (x - mx)(y - my) / sum (x - mx)^2, over hidden layers but the first."""
    y = [math.log(value) for value in norms[1:-1]]
    mx, my = (len(y) - 1) / 2, sum(y) / len(y)
    return math.exp(sum((i - mx) * (v - my) for i, v in enumerate(y)) / sum((i - mx) ** 2 for i in range(len(y))))


def test_numbers_of_findings_are_medians_over_the_last_third(runs):
    run = runs("sigmoid")
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
    saturated = runs("hot").only("saturated", 0)
    assert saturated.numbers["share"] == max(layer_medians(runs("hot"), 0, "saturated")[:-1])
    tiny = runs("pairs").only("tiny_batch", 1)
    norms = layer_medians(runs("pairs"), 1, "grad_norm")
    assert tiny.numbers["gradient_share"] == pytest.approx(norms[0] / norms[-1])
    assert runs("fours").only("tiny_batch", 1).numbers["noise"] == pytest.approx(1 / math.sqrt(6))


def test_numbers_of_the_sentence_are_those_of_the_frames_in_the_colour_of_their_arm(runs):
    run = runs("sigmoid")
    plain, batch = run.steps[-1]
    spans = sentence(run.config, run.steps[-1], run.events)
    ours, other = (median([float(v) for v in frame.ics_relative[1:]]) for frame in (batch, plain))
    coloured = [span for span in spans if span.arm is not None]
    assert coloured == [
        Span("Without normalization", 0), Span(f"{plain.test_loss:.2f}", 0),
        Span(factor(slope([float(v) for v in plain.grad_norm])), 0),
        Span("With BatchNorm", 1), Span(percent(batch.test_accuracy), 1), Span(number(ours), 1), Span(number(other), 0),
    ]  # fmt: skip
    assert "nothing is learned: loss" in text(spans)
    assert "is chance (ln 10), and gradients fall" in text(spans)
    assert "although its ICS is larger" in text(spans)
    assert not re.search(r"\d", "".join(span.text for span in spans if span.arm is None).replace("ln 10", ""))


def test_divergence_is_told_at_its_very_step(runs):
    slow = run(**SETTINGS["diverging"] | {"measure_every": 1, "steps": 40})
    first = next(frames[0].step for frames in slow.steps if not math.isfinite(frames[0].train_loss))
    burst = next(frames[0].step for frames in slow.steps if not np.isfinite(frames[0].grad_norm).all())
    assert burst in (first - 1, first)  # the gradient breaks before the weights do
    assert runs("diverging").only("diverged", 0).numbers["step"] == first
    assert f"Without normalization training diverged at step {first}." in runs("diverging").say()
    assert "diverged" not in runs("diverging").say(at=1)  # looking back to before it happened
    unknown = findings(slow.config, slow.steps)  # no events: the first frame that is not finite
    assert [finding.numbers["step"] for finding in unknown if finding.kind == "diverged"] == [burst]


def test_one_odd_frame_changes_no_finding(runs):
    run = runs("sigmoid")
    plain, batch = run.steps[-1]
    odd = replace(batch, test_accuracy=0.1, test_loss=2.4, train_loss=2.4, ics_relative=batch.ics_relative * 1e-6)
    assert Run(run.config, [*run.steps[:-1], (plain, odd)], run.events).kinds() == run.kinds()


# What the article claims.


def test_the_article_is_held_against_the_run(runs):
    assert runs("sigmoid").claims()["correlation"] is False  # the default preset: zero ICS, zero learning
    assert runs("sigmoid").claims()["vanishing"] is True
    assert runs("good_init").claims() == {"steadier": True, "correlation": True, "variance": True, "vanishing": None}
    assert runs("hot").claims()["variance"] is True
    assert runs("pairs").claims()["vanishing"] is False
    assert runs("diverging").claims() == {"steadier": True}
    quiet = [each for each in runs("sigmoid").found() if each.kind == "article" and "correlation" in each.text]
    assert "but without normalization nothing is learned" in quiet[0].text


def test_drift_of_the_spread_is_its_largest_by_its_smallest(runs):
    run = runs("good_init")
    factors = []
    for layer in range(run.config.depth):
        spreads = [
            f[0].preactivation_percentiles[layer][2] - f[0].preactivation_percentiles[layer][0] for f in run.steps
        ]
        factors.append(max(spreads) / min(spreads))
    (claim,) = [each for each in run.found() if "variance" in each.text and each.kind == "article"]
    assert claim.numbers["drift_reference"] == pytest.approx(median(factors))


def test_findings_come_by_importance(runs):
    for name in ("sigmoid", "six", "pairs"):
        ranks = [finding.importance for finding in runs(name).found()]
        assert ranks == sorted(ranks, reverse=True)
    claims = [finding.agrees for finding in runs("sigmoid").found() if finding.kind == "article"]
    assert claims[0] is False


# Comparisons, on frames made for the purpose.


def changed(run: Run, arm: int, **values: object) -> Run:
    steps = [tuple(replace(f, **values) if i == arm else f for i, f in enumerate(frames)) for frames in run.steps]
    return Run(run.config, steps, run.events)


def test_measures_of_ics_that_contradict_each_other(runs):
    run = changed(
        runs("good_init"), 0, ics_l2=np.full(7, 0.1), ics_relative=np.full(7, 0.2), ics_cosine=np.full(7, 0.9)
    )
    run = changed(run, 1, ics_l2=np.full(7, 0.3), ics_relative=np.full(7, 0.1), ics_cosine=np.full(7, 0.9))
    told = run.only("ics", 1)
    assert "larger by |G" in told.text
    assert "about the same by cosine 0.900 against 0.900. The measures contradict each other" in told.text
    assert told.numbers["agree"] == 0
    same = changed(run, 1, ics_l2=np.full(7, 0.1), ics_relative=np.full(7, 0.2)).only("ics", 1)
    assert "about the same as without normalization by every measure" in same.text


def landscape(band: tuple[float, float], gradient: tuple[float, float], beta: float) -> dict[str, object]:
    return {"landscape_loss": np.array(band), "landscape_predictiveness": np.array(gradient), "landscape_beta": beta}


@pytest.mark.parametrize(
    ("ours", "word", "agrees"),
    [
        (landscape((1.0, 1.1), (0.1, 0.2), 2.0), "steadier than", True),
        (landscape((1.0, 9.0), (0.1, 8.0), 90.0), "less steady than", False),
        (landscape((1.0, 1.1), (0.1, 8.0), 9.0), "neither steadier nor less steady than", None),
        (landscape((1.0, math.inf), (0.1, math.inf), math.inf), "less steady than", False),
    ],
)
def test_landscape(runs, ours, word, agrees):
    run = changed(changed(runs("good_init"), 0, **landscape((1.0, 3.0), (0.5, 2.0), 9.0)), 1, **ours)
    told = run.only("landscape", 1)
    assert f"the landscape along the gradient is {word} without normalization" in told.text
    low, high = ours["landscape_loss"]
    assert told.numbers["loss_band"] == high - low
    assert told.numbers["gradient_change_reference"] == 2.0
    assert run.claims()["steadier"] is agrees


def test_landscape_of_one_arm_alone_is_not_compared(runs):
    run = changed(runs("good_init"), 1, **landscape((1.0, 1.1), (0.1, 0.2), 2.0))
    assert ("landscape", 1) not in run.kinds()


# Arms that come, go and change.


def test_before_the_first_update_nothing_is_judged(runs):
    for name in ("sigmoid", "regression", "six", "deep_start", "alone"):
        assert runs(name).say(0).startswith("Nothing is learned yet: loss is ")
        assert {each.kind for each in findings(runs(name).config, runs(name).steps[:1])} <= {
            "vanishing", "exploding", "dead", "ics", "saturated"}  # fmt: skip


def test_the_current_treatment_counts(runs):
    run = runs("toggled")
    assert run.say(0).endswith("without normalization and 2.78 with BatchNorm.")
    assert "In network 1 (BatchNorm) accuracy is" in run.say()
    assert "in eval mode" in run.say()
    gap = run.only("eval_gap", 0)
    frame = run.steps[-1][0]  # the only one since the change
    assert (gap.numbers["train_loss"], gap.numbers["eval_loss"]) == (frame.train_loss, frame.eval_loss)
    assert gap.numbers["mean_gap"] == np.nanmax(frame.running_mean_gap)


def test_arms_that_are_alike_are_told_apart(runs):
    names = {(span.text, span.arm) for finding in runs("alike").found() for span in finding.spans}
    assert {("in network 3 (BatchNorm)", 2), ("in network 1 (BatchNorm)", 0)} & names
    assert ("with BatchNorm", 0) not in names
    for place in ("in network 1 (BatchNorm)", "with BatchNorm, lr 0.1", "in network 3 (BatchNorm)"):
        assert place in runs("alike").say()


def test_a_forked_arm_has_its_place_and_is_compared_since_the_fork(runs):
    run = runs("forked")
    assert "Without normalization nothing is learned" in run.say()
    assert Span("With BatchNorm", 1) in sentence(run.config, run.steps[-1], run.events)
    assert "BatchNorm" not in run.say(3)  # before the fork


def test_one_arm_or_no_plain_one(runs):
    assert "BatchNorm" not in runs("alone").say()
    assert runs("no_plain").say().count("With") == 2
    assert sentence(RunConfig(), ()) == ()
    assert findings(RunConfig(), []) == ()


def test_regression_has_no_accuracy_and_no_chance(runs):
    said = runs("regression").say() + "".join(finding.text for finding in runs("regression").found())
    assert "accuracy" not in said
    assert "chance" not in said
    assert "test loss" in said


def test_frames_full_of_nan_or_zero_are_survived(runs):
    for name in ("sigmoid", "regression", "six"):
        run = runs(name)
        for value in (math.nan, math.inf, 0.0):
            blank = {each: np.full(7, value) for each in ("grad_norm", "ics_l2", "ics_relative", "ics_cosine")}
            for arm in range(len(run.config.arms)):
                run = changed(
                    run, arm, train_loss=value, test_loss=value, test_accuracy=value, eval_loss=value, **blank
                )
            assert run.say()
            assert all(math.isnan(v) or isinstance(v, (int, float)) for f in run.found() for v in f.numbers.values())


def test_sentences_fit_above_the_charts(runs):
    for name in (*SETTINGS, "toggled", "forked"):
        arms = len(runs(name).steps[-1])
        for at in range(len(runs(name).steps)):
            assert len(runs(name).say(at)) <= (230 if arms <= 2 else 60 * MAX_ARMS)
            assert "unknown" not in runs(name).say(at)


# Words and numbers.


def test_numbers_keep_two_digits():
    assert doctest.testmod(wording).failed == 0
    for value in (3.456e-7, 0.00099, 0.00123, 0.0456, 0.96, 1.06, 9.96, 99.4, 99.6, 123.0, 9876.0, 34567.0, 0.0009996):
        shown = number(value).translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
        digits, _, power = re.sub(r"\W10(?=-?\d+$)", "e", shown).partition("e") if "10" in shown else (shown, "", "")
        assert float(digits) * 10 ** int(power or 0) == pytest.approx(value, rel=0.05)
    assert [number(v) for v in (0.0, math.inf, math.nan)] == ["0", "∞", "unknown"]
    assert [percent(v) for v in (0.0, 0.0001, 0.5, 0.9999, 1.0)] == ["0 %", "0.1 %", "50 %", "99.9 %", "100 %"]


def test_names_of_arms():
    arms = [Arm("none", trick="auxiliary"), Arm("none", noise=True), Arm("none", learning_rate=0.1), Arm("batch_l1")]
    assert wording.names(arms) == [
        "with auxiliary losses", "with noise", "without normalization, lr 0.1", "with BatchNorm L1",
    ]  # fmt: skip


def test_gradient_rate_and_order():
    assert gradient_rate(np.array([9.0, 1.0, 4.0, 16.0, 9.0])) == pytest.approx(4)
    assert math.isnan(gradient_rate(np.array([1.0, 1.0, 1.0])))
    assert math.isnan(gradient_rate(np.zeros(9)))
    assert [order(a, b) for a, b in ((3, 1), (1, 3), (1, 1.2), (0, 0), (0, 1), (math.nan, 1))] == [
        1,
        -1,
        0,
        0,
        -1,
        None,
    ]
