"""What a comparison says: the verdict, one sentence with its uncertainty, and what else is worth knowing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bnviz.comparing.judging import FEWEST_SEEDS, Difference, Outcome, Standing, difference, standing
from bnviz.comparing.running import Run
from bnviz.config import NORMALIZATIONS
from bnviz.models.variants import AS_IS

GAP = 1.25
"""A loss that is larger by this factor in eval mode than with the batches' own statistics is told of."""
NEAR_CHANCE = 0.02


@dataclass(frozen=True)
class Judged:
    """All that sentences are made of."""

    outcome: Outcome
    reference: Standing
    others: tuple[Standing, ...]
    differences: Mapping[str, Difference]
    """Against the reference, of those whose seeds all ended finite, as the reference's did."""
    runs: tuple[Run, ...]
    rates: tuple[float, ...]

    @property
    def seeds(self) -> int:
        """How many."""
        return len(self.reference.runs)

    @property
    def foremost(self) -> Standing | None:
        """The variant that the verdict is about: the best of those that are better, else of those that may be."""
        able = [each for each in self.others if each.variant in self.differences]
        if not able:
            whole = [each for each in self.others if each.whole]
            return max(whole, key=self._good) if whole else None
        return max(able, key=lambda each: (self.differences[each.variant].sign, self.differences[each.variant].mean))

    def _good(self, each: Standing) -> float:
        return each.mean if self.outcome == "test_accuracy" else -each.mean


def called(variant: str) -> str:
    """A variant within a sentence: as it is, without normalization, with BatchNorm."""
    if variant == AS_IS:
        return "as it is"
    return "without normalization" if variant == "none" else f"with {NORMALIZATIONS[variant].title}"


def value(number: float, outcome: Outcome) -> str:
    """An outcome: 96.1 %, or a loss to three digits."""
    return f"{100 * number:.1f} %" if outcome == "test_accuracy" else f"{number:.3g}"


def verdict(judged: Judged) -> str:
    """The answer, in one sentence."""
    reference, top, seeds = judged.reference, judged.foremost, _seeds(judged.seeds)
    if not reference.whole:
        return _unfinished(judged)
    ours, reached = called(reference.variant), _reached(reference, judged)
    if top is None:
        return capital(f"{ours} your net reaches {reached}; no other variant ends with a finite loss for {seeds} "
                       "at any rate tried.")  # fmt: skip
    theirs, theirs_reached = called(top.variant), _reached(top, judged)
    if judged.seeds < FEWEST_SEEDS:
        return capital(f"{ours} your net reaches {reached}, {theirs} {theirs_reached}, but {seeds} can show no "
                       f"difference: take {FEWEST_SEEDS} or more.")  # fmt: skip
    found = judged.differences[top.variant]
    gain = _more(abs(found.mean), judged.outcome)
    if found.sign > 0:
        return capital(f"{theirs} your net reaches {theirs_reached}, {gain} than {ours}{_own_rate(reference, judged)} "
                       f"({_sure(found, judged)}).")  # fmt: skip
    if found.sign < 0:
        return capital(f"{ours} your net does best: it reaches {reached}, {gain} than {theirs}"
                       f"{_own_rate(top, judged)}, the next best ({_sure(found, judged)}).")  # fmt: skip
    scale, form, unit = (100, "+.1f", " points") if judged.outcome == "test_accuracy" else (-1, "+.3g", "")
    low, middle, high = sorted((scale * found.low, scale * found.mean, scale * found.high))
    return capital(f"no difference that {seeds} can show between your net {ours} ({reached}) and {theirs} "
                   f"({theirs_reached}): {middle:{form}}{unit} "
                   f"(95 % interval {low:{form}} to {high:{form}}).")  # fmt: skip


def remarks(judged: Judged, chance: float) -> Iterator[str]:
    """What else is worth knowing, a sentence each. chance: share of the commonest class, NaN without classes."""
    everyone = (judged.reference, *judged.others)
    top = judged.foremost
    classes = judged.outcome == "test_accuracy"
    idle = [each for each in everyone if classes and each.finished and each.mean <= chance + NEAR_CHANCE]
    if idle:
        names = " and ".join(called(each.variant) for each in idle)
        yield (f"Always naming the commonest class would get {value(chance, judged.outcome)}: {names} your net learns "
               "no more than that in these steps.")  # fmt: skip
    if top is not None and judged.reference.whole:
        yield from _at_one_rate(judged, top)
    yield from _edges(judged, [each for each in (judged.reference, top) if each is not None and each not in idle])
    for each in everyone:
        yield from _modes(each)
    for each in everyone:
        failed = [run.error for run in judged.runs if run.variant == each.variant and run.error]
        if failed:
            yield capital(f"{called(each.variant)} {len(failed)} runs ended with an error: {failed[0]}.")


def _unfinished(judged: Judged) -> str:
    reference, top = judged.reference, judged.foremost
    errors = [run.error for run in judged.runs if run.error]
    if not any(run.finished for run in judged.runs):
        why = f"the first error is {errors[0]}" if errors else "lower rates may help"
        return f"No run of any variant ended with a finite loss: {why}."
    lost, seeds = judged.seeds - reference.finished, _seeds(judged.seeds)
    fails = f"{called(reference.variant)}, {lost} of {seeds} end without a finite loss{_own_rate(reference, judged)}"
    if top is None:
        return capital(f"{fails}, and no other variant ends finite for all of them: lower rates may help.")
    return capital(f"{called(top.variant)} your net reaches {_reached(top, judged)} with a finite loss for {seeds}; "
                   f"{fails}.")  # fmt: skip


def _at_one_rate(judged: Judged, top: Standing) -> Iterator[str]:
    """The same rate for both: whether the gain is the normalization's, or that of the rate that it allows."""
    if len(judged.rates) == 1:
        yield (f"Only the rate {judged.rates[0]:g} was tried; normalization often helps by allowing a higher one: "
               "give several.")  # fmt: skip
    if top.learning_rate == judged.reference.learning_rate:
        return
    for rate in (judged.reference.learning_rate, top.learning_rate):
        one, other = (standing(each.variant, rate, judged.runs, judged.outcome) for each in (top, judged.reference))
        found = difference(one, other, judged.outcome) if judged.seeds >= FEWEST_SEEDS else None
        for each in (one, other):
            if not each.whole:
                yield (f"At the rate {rate:g}, {called(each.variant)}, {judged.seeds - each.finished} of "
                       f"{_seeds(judged.seeds)} end without a finite loss.")  # fmt: skip
        if found is not None:
            yield (f"At the same rate {rate:g}, your net reaches {_more(found.mean, judged.outcome)} "
                   f"{called(top.variant)} than {called(judged.reference.variant)} "
                   f"({_sure(found, judged)}).")  # fmt: skip


def _edges(judged: Judged, standings: Sequence[Standing]) -> Iterator[str]:
    for place, word in ((-1, "highest"), (0, "lowest")):
        at_edge = [called(each.variant) for each in standings
                   if each.finished and each.learning_rate == judged.rates[place]]  # fmt: skip
        if at_edge and len(judged.rates) > 1:
            than = "higher" if place else "lower"
            yield capital(f"the best rate {' and '.join(at_edge)} is the {word} tried, {judged.rates[place]:g}: "
                           f"a {than} one may be better still.")  # fmt: skip


def _modes(each: Standing) -> Iterator[str]:
    losses = np.array([(run.test_loss, run.train_mode_test_loss) for run in each.runs if run.finished])
    if not losses.size:
        return
    evaluated, own = np.median(losses, axis=0)
    if own > 0 and evaluated > GAP * own:
        yield capital(f"{called(each.variant)} the test loss is {evaluated:.3g} in eval mode and {own:.3g} with each "
                       "batch's own statistics: the running statistics are not those of the batches.")  # fmt: skip


def _reached(each: Standing, judged: Judged) -> str:
    noun = "test accuracy" if judged.outcome == "test_accuracy" else "test loss"
    reached = value(each.mean, judged.outcome)
    return (f"{reached} {noun}" if noun == "test accuracy" else f"a {noun} of {reached}") + (
        f" at rate {each.learning_rate:g}")  # fmt: skip


def _own_rate(each: Standing, judged: Judged) -> str:
    return f" at its own best rate {each.learning_rate:g}" if len(judged.rates) > 1 else ""


def _more(mean: float, outcome: Outcome) -> str:
    """`4.2 points more`, or `0.12 less` for a loss: positive is better."""
    better = (mean >= 0) == (outcome == "test_accuracy")
    return f"{_amount(abs(mean), outcome)} {'more' if better else 'less'}"


def _amount(mean: float, outcome: Outcome) -> str:
    return f"{100 * mean:.1f} points" if outcome == "test_accuracy" else f"{mean:.3g}"


def _sure(found: Difference, judged: Judged) -> str:
    return f"{_seeds(judged.seeds)}, 95 % interval {_ends(found, judged)}"


def _ends(found: Difference, judged: Judged) -> str:
    """The interval of the amount that `_more` tells, so that it has its sign."""
    scale, form = (100, ".1f") if judged.outcome == "test_accuracy" else (1, ".3g")
    low, high = (found.low, found.high) if found.mean >= 0 else (-found.high, -found.low)
    return f"{scale * low:{form}} to {scale * high:{form}}"


def _seeds(n: int) -> str:
    return "1 seed" if n == 1 else f"{n} seeds"


def capital(text: str) -> str:
    """A sentence with its first letter large."""
    return text[:1].upper() + text[1:]
