"""What one arm shows, finding by finding: each rule is a small function that yields findings or nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bnviz.verdict import signs
from bnviz.verdict.state import State
from bnviz.verdict.wording import Piece, Span, factor, loss, number, percent, spans

Kind = Literal[
    "diverged", "tiny_batch", "chance", "eval_gap", "vanishing", "exploding", "helps", "no_help", "hurts",
    "ics", "landscape", "saturated", "dead", "article",
]  # fmt: skip
IMPORTANCE: dict[Kind, float] = {
    "diverged": 10,  # nothing else can be read from that arm
    "tiny_batch": 9,  # explains everything else that BatchNorm then does
    "chance": 8,
    "eval_gap": 7.5,
    "vanishing": 7,
    "exploding": 7,
    "helps": 6,
    "no_help": 6,
    "hurts": 6,
    "ics": 5,
    "landscape": 4.5,
    "saturated": 3,
    "dead": 3,
    "article": 2,  # what agrees with it; a contradiction ranks as CONTRADICTION
}
CONTRADICTION = 5.5
TINY = 4
"""Up to this batch size BatchNorm's statistics are mostly noise: the std of 4 samples is off by about 40 %."""
LEVEL = 1.1
"""Gradients that change by less than this factor a layer hardly change."""
EARLY = 0.1
"""Before this part of the planned steps, what is not learned is not learned *yet*."""


@dataclass(frozen=True)
class Finding:
    """One thing that a run shows, in words and in numbers."""

    kind: Kind
    spans: tuple[Span, ...]
    arm: int | None
    """Place of the arm it is about."""
    numbers: dict[str, float]
    """What the words rest on: medians over the recent steps."""
    agrees: bool | None = None
    """Of kind `article`: whether the run bears out the claim; None: this run does not decide it."""

    @property
    def text(self) -> str:
        """The finding as plain text."""
        return "".join(span.text for span in self.spans)

    @property
    def importance(self) -> float:
        """The larger, the earlier it is told."""
        return CONTRADICTION if self.kind == "article" and self.agrees is False else IMPORTANCE[self.kind]


def diverged(state: State) -> Iterator[Finding]:
    """The loss is no longer finite."""
    if state.diverged_at is not None:
        words = spans(state.who, " training diverged at step ", state.says(str(state.diverged_at)),
                      ": loss or gradients are no longer finite.")  # fmt: skip
        yield Finding("diverged", words, state.place, {"step": state.diverged_at})


def tiny_batch(state: State) -> Iterator[Finding]:
    """Statistics over 2 samples tell nothing, over 3 or 4 hardly more; a convolution's maps add many values."""
    size = state.batch_size
    if not state.batch_normalized or not 2 <= size <= TINY or state.config is None or state.config.model == "cnn":
        return
    norms = state.median("grad_norm")
    share = float(norms[0] / norms[-1]) if norms[-1] > 0 else float("nan")
    numbers = {"batch_size": float(size), "gradient_share": share}
    if size == 2:  # SCIENCE law 9: (x1 - x2) / |x1 - x2| is constant
        words = spans(state.who, " a batch of 2 leaves each unit nothing but a sign, so no gradient passes the "
                      "normalization (but for its eps): layer 1 gets ", state.says(number(share)),
                      " times the output layer's.")  # fmt: skip
    else:  # relative standard error of a standard deviation from n normal samples
        numbers["noise"] = 1 / math.sqrt(2 * (size - 1))
        words = spans(state.who, f" each unit's statistics come from {size} samples: its standard deviation is off "
                      f"by about {percent(numbers['noise'])} from batch to batch.")  # fmt: skip
    yield Finding("tiny_batch", words, state.place, numbers)


def chance(state: State) -> Iterator[Finding]:
    """A classifier that guesses: SCIENCE law 21, ln C."""
    if state.started and signs.nothing_learned(state) and not signs.too_early(state):
        value, accuracy = state.value("test_loss"), state.value("test_accuracy")
        words = spans(state.who, *nothing_learned(state), "; accuracy ", state.says(percent(accuracy)), ".")
        numbers = {"test_loss": value, "chance_loss": state.guessing, "test_accuracy": accuracy}
        yield Finding("chance", words, state.place, numbers)


def nothing_learned(state: State) -> tuple[Piece, ...]:
    """`nothing is learned: loss 2.31 is chance (ln 10)`; for use after the arm's name."""
    value, guess = state.value("test_loss"), f"ln {state.classes}"
    if signs.too_early(state):
        return (" it is too early to tell: loss is ", state.says(loss(value)), f" after {state.step} steps")
    yet = " yet" if state.config is not None and state.step < EARLY * state.config.steps else ""
    if value > (1 + signs.MARGIN) * state.guessing:
        verdict = f" is worse than chance ({guess} = {loss(state.guessing)})"
    else:
        verdict = f" is chance ({guess})"
    return (f" nothing is learned{yet}: loss ", state.says(loss(value)), verdict)


def gradients(state: State) -> Iterator[Finding]:
    """Gradients that vanish or explode toward the input."""
    direction = signs.steepness(state)
    if state.diverged or not direction:
        return
    norms = state.median("grad_norm")
    rate = signs.gradient_rate(norms)
    numbers = {"rate": rate, "first": float(norms[0]), "last": float(norms[-1]),
               "zero_layers": float(np.count_nonzero(norms == 0))}  # fmt: skip
    ends: list[Piece] = [": from ", state.says(number(numbers["last"])), " at the output to ",
                         state.says(number(numbers["first"])), " in layer 1"]  # fmt: skip
    words = spans(state.who, " ", *slope(state), *([] if numbers["zero_layers"] else ends), ".")
    yield Finding("vanishing" if direction > 0 else "exploding", words, state.place, numbers)


def slope(state: State) -> tuple[Piece, ...]:
    """`gradients fall 4.2 times a layer toward the input`; for use after the arm's name."""
    norms = state.median("grad_norm")
    zeros = int(np.count_nonzero(norms == 0))
    if zeros:
        return ("gradients are 0 in ", state.says(f"{zeros} of {len(norms)}"), " layers")
    rate = signs.gradient_rate(norms)
    if math.isnan(rate):
        return ("gradients pass too few layers to tell",)
    if max(rate, 1 / rate) < LEVEL:
        return ("gradients hardly change from layer to layer (", state.says(factor(max(rate, 1 / rate))), ")")
    verb = "fall" if rate > 1 else "grow"
    return (f"gradients {verb} ", state.says(factor(max(rate, 1 / rate))), " a layer toward the input")


def saturation(state: State) -> Iterator[Finding]:
    """Activations on the flat part of a sigmoid or tanh."""
    if not state.diverged and signs.saturated(state):
        layer, share = signs.worst_layer(state, "saturated")
        words = spans(state.who, " ", state.says(percent(share)), f" of the activations of {layer} are saturated.")
        yield Finding("saturated", words, state.place, {"share": share})


def dead_units(state: State) -> Iterator[Finding]:
    """ReLUs that are 0 on a whole batch."""
    if not state.diverged and signs.dead(state):
        layer, share = signs.worst_layer(state, "dead")
        words = spans(state.who, " ", state.says(percent(share)),
                      f" of the ReLUs of {layer} are dead: 0 for every sample of a batch.")  # fmt: skip
        yield Finding("dead", words, state.place, {"share": share})


def train_eval_gap(state: State) -> Iterator[Finding]:
    """Train mode and eval mode disagree on the same batch (pytorch#4741, #5406)."""
    if signs.eval_gap(state):
        gap = signs.worst_layer(state, "running_mean_gap")[1]
        numbers = {"train_loss": state.value("train_loss"), "eval_loss": state.value("eval_loss"), "mean_gap": gap}
        words = spans(state.who, " loss on the same batch is ", state.says(loss(numbers["train_loss"])),
                      " in train mode and ", state.says(loss(numbers["eval_loss"])), " in eval mode", *lag(state),
                      ".")  # fmt: skip
        yield Finding("eval_gap", words, state.place, numbers)


def lag(state: State) -> tuple[Piece, ...]:
    """`; running means are up to 0.8 standard deviations off (layer 3)`; nothing where there are none."""
    layer, gap = signs.worst_layer(state, "running_mean_gap")
    if math.isnan(gap):
        return ()
    return ("; running means are up to ", state.says(number(gap)), f" standard deviations off ({layer})")


RULES: tuple[Callable[[State], Iterator[Finding]], ...] = (
    diverged, tiny_batch, chance, train_eval_gap, gradients, saturation, dead_units,
)  # fmt: skip
"""What can be said of one arm; `bnviz.verdict.two_arms` says what two arms show together."""
