"""What can be asked about a run: ten kinds of question, each answered by the verdict's own signs.

A rule looks at the state of a network, or of two, and says yes, no, or None where the run cannot say.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from bnviz.verdict import signs, two_arms
from bnviz.verdict.one_arm import slope
from bnviz.verdict.state import State
from bnviz.verdict.wording import Piece, loss, number, percent

MOST = 2
"""Networks that a question with yes or no for each may be about: with three there would be eight answers."""


@dataclass(frozen=True)
class OfEach:
    """Which of one or two networks is it true of? The answers: of the one, the other, both, neither."""

    title: str
    about: str
    """What counts as yes, for whoever writes lessons."""
    holds: Callable[[State], bool | None]
    told: Callable[[State], list[Piece]]
    """What of the network shows it, to stand after its name."""


@dataclass(frozen=True)
class OfMost:
    """Which network is it most true of? The answers: each of them, and none clearly."""

    title: str
    about: str
    beats: Callable[[State, State], bool | None]
    """Whether it is clearly truer of the first than of the second."""
    told: Callable[[State], list[Piece]]


@dataclass(frozen=True)
class OfLayers:
    """In which layer of one network? The answers: the first, one between, the last, none clearly."""

    title: str
    about: str
    name: str
    """The field of `Frame` whose smallest value is asked for."""


def _learns(state: State) -> bool | None:
    if state.diverged:
        return False
    if not state.guesses:
        return state.value("train_loss") < (1 - signs.MARGIN) * state.guessing
    idle = signs.nothing_learned(state)
    return None if idle and signs.too_early(state) else not idle


def _steep(way: int) -> Callable[[State], bool | None]:
    """way: 1 for vanishing, -1 for exploding. The gradients of a net that has diverged are no numbers."""
    return lambda state: None if state.diverged else signs.steepness(state) == way


def _lags(state: State) -> bool | None:
    return None if state.diverged else signs.eval_gap(state)


def _more_shift(ours: State, other: State) -> bool | None:
    if ours.diverged or other.diverged:
        return None
    verdict = two_arms.shift_order(signs.shift(ours, "relative"), signs.shift(other, "relative"), "relative")
    return None if verdict is None else verdict > 0


def _steadier(ours: State, other: State) -> bool | None:
    orders = two_arms.landscape_orders(other, ours)
    return two_arms.steadier(orders.values()) == "steadier" if orders else None


def _half(state: State) -> float:
    """The first measured step at which the loss is half of what it is by guessing; NaN for never."""
    return math.nan if state.diverged else two_arms.halfway(state, 0.0)


def _sooner(ours: State, other: State) -> bool:
    mine, yours = _half(ours), _half(other)
    return not math.isnan(mine) and (math.isnan(yours) or mine * two_arms.FASTER <= yours)


def _result(state: State) -> list[Piece]:
    if state.diverged:
        return _end(state)
    shown = percent if state.result == "test_accuracy" else loss
    return [f" {state.result.replace('_', ' ')} is ", state.says(shown(state.value(state.result)))]


def _end(state: State) -> list[Piece]:
    if not state.diverged:
        return [" the loss is ", state.says(loss(state.value("train_loss")))]
    return [" training diverged at step ", state.says(str(state.diverged_at))]


def _gradients(state: State) -> list[Piece]:
    return _end(state) if state.diverged else [" ", *slope(state)]


def _modes(state: State) -> list[Piece]:
    if state.diverged:
        return _end(state)
    train, evaluated = (state.says(loss(state.value(name))) for name in ("train_loss", "eval_loss"))
    return [" the loss of the same batch is ", train, " in train mode and ", evaluated, " in eval mode"]


def _shift(state: State) -> list[Piece]:
    return _end(state) if state.diverged else [" ICS is ", state.says(number(signs.shift(state, "relative")))]


def _band(state: State) -> list[Piece]:
    width = two_arms.landscape_numbers(state)["loss_band"]
    if math.isnan(width):
        return [" the landscape is not measured"]
    return [" the loss band is ", state.says(number(width)), " wide"]


def _fall(state: State) -> list[Piece]:
    if state.diverged:
        return _end(state)
    half = _half(state)
    if math.isnan(half):
        return [" the loss has not halved: it is ", state.says(loss(state.value("train_loss")))]
    return [" the loss has halved by step ", state.says(f"{half:.0f}")]


Kind = OfEach | OfMost | OfLayers
KINDS: dict[str, Kind] = {
    "learns": OfEach(
        "Which network will learn?", "Better than guessing on the test set; in regression a loss that falls by 5 %.",
        _learns, _result),
    "diverges": OfEach(
        "Which network will diverge?", "A loss that is no finite number any more.",
        lambda state: state.diverged, _end),
    "vanishes": OfEach(
        "In which network do gradients vanish?", "They fall toward the input by a factor of 2 a layer, or 10 in all.",
        _steep(1), _gradients),
    "explodes": OfEach(
        "In which network do gradients explode?", "They grow toward the input by a factor of 2 a layer, or 10 in all.",
        _steep(-1), _gradients),
    "lags": OfEach(
        "Which network is another in eval mode than in train mode?",
        "The loss of one batch differs between the modes by a factor of 1.25, because of the running statistics.",
        _lags, _modes),
    "best": OfMost(
        "Which network will be best at the end?", "Test accuracy that is 4 points higher, or a loss 1.25 times lower.",
        lambda ours, other: two_arms.better(ours, other) > 0, _result),
    "sooner": OfMost(
        "Which network will be fastest?", "The loss halves, from that of guessing, in half the steps of the other.",
        _sooner, _fall),
    "shifts": OfMost(
        "Which network has the larger internal covariate shift?", "A relative ICS that is 1.5 times as large.",
        _more_shift, _shift),
    "steadier": OfMost(
        "In which network is the loss along the gradient steadier?",
        "Loss band, gradient change and beta: one clearly smaller, none larger; the landscape must be measured.",
        _steadier, _band),
    "weakest": OfLayers(
        "Which layer has the smallest gradient?", "Norms of the weights' gradients, 1.5 times apart at least.",
        "grad_norm"),
}  # fmt: skip
"""By the name that a lesson or a link gives."""
