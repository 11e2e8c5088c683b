"""The verdict on a run: one sentence for the frames of a step, and findings over its history. Nothing is canned."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from bnviz.config import RunConfig
from bnviz.frames import Event, Frame
from bnviz.verdict import signs, two_arms
from bnviz.verdict.article import article
from bnviz.verdict.one_arm import RULES, Finding, nothing_learned, slope
from bnviz.verdict.state import State, read
from bnviz.verdict.wording import Piece, Span, listed, loss, number, percent, spans

__all__ = ["Finding", "Span", "findings", "sentence"]


def findings(
    config: RunConfig | None, steps: Sequence[Sequence[Frame]], events: Iterable[Event] = ()
) -> tuple[Finding, ...]:
    """What a run shows so far, the most important first.

    steps: the frames of each measured step, one per arm, as `Recording.steps()` yields them; config: the one the
    run started with, None for somebody else's loop. Numbers are medians over the last third of the steps since the
    last change of the run.
    """
    states = read(config, list(steps), events)
    found = [finding for state in states for rule in RULES for finding in rule(state)]
    now = [state for state in states if state.step == max(each.step for each in states)]  # the others have ended
    found += [*two_arms.compare(now), *article(now)]
    return tuple(sorted(found, key=lambda finding: -finding.importance))


def sentence(
    config: RunConfig | None, steps: Sequence[Sequence[Frame]], events: Iterable[Event] = ()
) -> tuple[Span, ...]:
    """What a run shows at the last of these steps, in two lines or so; empty before the first frame.

    Its numbers are those of `findings`: medians over the recent steps. config: the one the run started with; events:
    all so far, those after the last step are left out.
    """
    states = read(config, list(steps), events)
    if not states:
        return ()
    if not any(state.started for state in states):
        starts = [_at_start(state, briefly=len(states) > 2) for state in states]
        return spans("nothing is learned yet: loss is ", *listed(starts), ".")
    return _of_many(states) if len(states) > 2 else _of_few(states)


def _at_start(state: State, briefly: bool) -> list[Piece]:
    """`2.35 without normalization (gradients fall 4 a layer)`, before any update."""
    steep: list[Piece] = [" (", *slope(state), ")"] if signs.steepness(state) and not briefly else []
    return [state.says(loss(state.value("train_loss"))), " ", state.who, *steep]


def _of_few(states: Sequence[State]) -> tuple[Span, ...]:
    """A clause for each of one or two arms, the reference first, and how their ICS compare."""
    base = two_arms.reference(states)
    assert base is not None
    pieces = [*spans(base.who, *_clause(base)), Span(".")]
    for state in states:
        if state is not base:
            clause = _clause(state, base) + _shift(state, base) if state.step == base.step else _clause(state)
            pieces += [Span(" "), *spans(state.who, *clause), Span(".")]
    return tuple(pieces)


def _clause(state: State, base: State | None = None) -> list[Piece]:
    """What to say of an arm after its name; with `base`, a result that is no better is called so."""
    if state.diverged:
        return [" training diverged at step ", state.says(str(state.diverged_at))]
    if signs.nothing_learned(state):
        return [*nothing_learned(state), *_reason(state)]
    if signs.eval_gap(state):
        return [f" {_measure(state)} is ", _result(state), "; loss is ", state.says(loss(state.value("eval_loss"))),
                " in eval mode, ", state.says(loss(state.value("train_loss"))), " in train mode"]  # fmt: skip
    result: list[Piece] = [_result(state), *_reason(state)]
    if base is None or base.diverged or signs.nothing_learned(base) or signs.eval_gap(base):
        return [f" {_measure(state)} is ", *result]
    than = {1: "better, ", 0: "about the same, ", -1: "worse, "}[two_arms.better(state, base)]
    return [f" {_measure(state)} is {than}", *result]


def _measure(state: State) -> str:
    return {"test_accuracy": "accuracy", "test_loss": "test loss", "train_loss": "training loss"}[state.result]


def _result(state: State) -> Span:
    """How well it does, as a number in the arm's colour."""
    shown = percent if state.result == "test_accuracy" else loss
    return state.says(shown(state.value(state.result)))


def _reason(state: State) -> list[Piece]:
    """The gravest thing about the arm's insides, if there is any."""
    if state.batch_normalized and state.batch_size == 2 and state.config is not None and state.config.model == "mlp":
        return [", as no gradient passes BatchNorm at batch size ", state.says("2")]
    if signs.steepness(state):
        return [", and ", *slope(state)]
    for name, ill, what in (
        ("saturated", signs.saturated, "of a layer's activations are saturated"),
        ("dead", signs.dead, "of a layer's ReLUs are dead"),
    ):
        if ill(state):
            return [", and ", state.says(percent(signs.worst_layer(state, name)[1])), f" {what}"]
    return []


def _shift(state: State, base: State) -> list[Piece]:
    """`, although its ICS is larger (0.9 against 0.001)`: relative ICS, which carries no units."""
    if state.diverged or base.diverged or signs.eval_gap(state) or (
        signs.nothing_learned(state) and signs.nothing_learned(base)
    ):  # fmt: skip
        return []
    ours, other = signs.shift(state, "relative"), signs.shift(base, "relative")
    verdict = two_arms.shift_order(ours, other, "relative")
    if verdict is None:
        return []
    figures: list[Piece] = [" (", state.says(number(ours)), " against ", base.says(number(other)), ")"]
    if verdict == 0:
        return [", at about the same ICS", *figures]
    # The usual expectation is that less shift is what makes a net learn.
    against = two_arms.better(state, base) == verdict
    return [f", {'although' if against else 'and'} its ICS is {'larger' if verdict > 0 else 'smaller'}", *figures]


def _of_many(states: Sequence[State]) -> tuple[Span, ...]:
    """Three arms or more: results in one list, those that guess and those that diverged in others."""
    lost = [state for state in states if state.diverged]
    idle = [state for state in states if signs.nothing_learned(state)]
    fine = [state for state in states if state not in lost and state not in idle]
    sentences: list[tuple[Span, ...]] = []
    if fine:
        results: list[list[Piece]] = [[_result(state), " ", state.who] for state in fine]
        sentences.append(spans(f"{_measure(fine[0])} is ", *listed(results), "."))
    if idle:
        losses = sorted((state.value("test_loss"), state.place) for state in idle)
        ends = [Span(loss(value), place) for value, place in (losses[0], losses[-1])]
        width: list[Piece] = [ends[0]] if len(idle) == 1 else [ends[0], " to ", ends[1]]
        verdict = "it is too early to tell " if signs.too_early(idle[0]) else "nothing is learned "
        sentences.append(spans(verdict, *listed([[state.who] for state in idle]), ": loss ", *width,
                               f" is chance (ln {idle[0].classes}) or worse."))  # fmt: skip
    if lost:
        steps: list[list[Piece]] = [[state.who, " at step ", state.says(str(state.diverged_at))] for state in lost]
        sentences.append(spans("training diverged ", *listed(steps), "."))
    shifts = [(signs.shift(state, "relative"), state) for state in states if not state.diverged]
    known = sorted((pair for pair in shifts if not math.isnan(pair[0])), key=lambda pair: pair[0])
    if len(known) > 1:
        (least, low), (most, high) = known[0], known[-1]
        sentences.append(spans("ICS is smallest ", low.who, " (", low.says(number(least)), "), largest ", high.who,
                               " (", high.says(number(most)), ")."))  # fmt: skip
    return tuple(span for place, each in enumerate(sentences) for span in ([Span(" ")] if place else []) + list(each))
