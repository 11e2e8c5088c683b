"""What is to be said of an arm's state, in numbers and yes or no: learning, gradients, health, shift. No words yet."""

from __future__ import annotations

import math

import numpy as np

from bnviz.frames import Floats
from bnviz.verdict.state import ENOUGH, State, nan_median

MARGIN = 0.05
"""Losses nearer than this to each other, in units of the loss of guessing, count as equal."""
TOO_EARLY = 20
"""Before so many updates, what is not learned says nothing: nets with BatchNorm take 30 to 50 here."""
STEEP_RATE = 2.0
"""Gradients that change by this factor a layer vanish or explode, however few the layers; sigmoid: about 4 ..."""
STEEP_TOTAL = 10.0
"""... and so do those that change by this factor over all hidden layers; ReLU + BN: 1.21 a layer (Yang et al. 2019)."""
SATURATED = 0.3
"""A layer with this share of flat activations is saturated; tanh under BN has 0.036 at the start."""
DEAD = 0.3
"""A layer with this share of dead units is worth a word; He-initialized ReLU nets have up to 0.16 after training."""
GAP = 1.25
"""Train and eval loss on the same batch differ when they do by this factor (and by `MARGIN`)."""


def nothing_learned(state: State) -> bool:
    """Whether a classifier guesses: its losses are not below ln C, its accuracy is near 1/C.

    The loss on a small batch is noisy, so it gets more room.
    """
    if not state.guesses or state.diverged:
        return False
    room = MARGIN + 0.5 / math.sqrt(state.batch_size)
    return (
        state.value("test_loss") > (1 - MARGIN) * state.guessing
        and state.value("train_loss") > (1 - room) * state.guessing
        and state.value("test_accuracy") < state.luck
    )


def too_early(state: State) -> bool:
    """Whether so few updates were made that a net which guesses may just not have begun."""
    return state.step < TOO_EARLY


def gradient_rate(grad_norm: Floats) -> float:
    """Factor by which hidden layers' gradient norms fall with each layer toward the input (least squares in logs).

    The first and the last layer have other widths and do not count. NaN where fewer than two are positive.
    """
    hidden = np.asarray(grad_norm)[1:-1]
    layer = np.arange(len(hidden))[np.isfinite(hidden) & (hidden > 0)]
    if len(layer) < 2:
        return float("nan")
    return float(np.exp(np.polyfit(layer, np.log(hidden[layer]), 1)[0]))


def steepness(state: State) -> int:
    """1: gradients vanish toward the input, -1: they explode, 0: neither."""
    norms = state.median("grad_norm")
    if np.any(norms == 0) and (norms[-1] > 0 or nothing_learned(state)):  # and not because the fit is perfect
        return 1
    slope = np.log(gradient_rate(norms))
    layers = np.count_nonzero(norms[1:-1] > 0)
    steep = abs(slope) * (layers - 1) >= math.log(STEEP_TOTAL) or (layers >= 3 and abs(slope) >= math.log(STEEP_RATE))
    return int(np.sign(slope)) if steep else 0


def worst_layer(state: State, name: str) -> tuple[str, float]:
    """The layer with the largest median of a field, and that value; NaN where the notion does not apply."""
    values = state.median(name)
    if np.isnan(values).all():
        return "", float("nan")
    place = int(np.nanargmax(values))
    return state.frames[-1].layers[place], float(values[place])


def saturated(state: State) -> bool:
    """Whether some layer's activations are mostly flat."""
    return worst_layer(state, "saturated")[1] >= SATURATED


def dead(state: State) -> bool:
    """Whether many units of some layer are 0 for a whole batch that is large enough to tell."""
    return state.batch_size >= ENOUGH and worst_layer(state, "dead")[1] >= DEAD


def eval_gap(state: State) -> bool:
    """Whether the loss on the same batch is another in eval mode than in train mode, because of the statistics."""
    train, evaluated = state.value("train_loss"), state.value("eval_loss")
    if not (state.batch_normalized and state.started) or state.diverged:
        return False
    low, high = sorted((train, evaluated))
    return high - low > MARGIN * state.guessing and high > GAP * low


def shift(state: State, measure: str) -> float:
    """ICS in the median layer: `l2`, `relative` or `cosine`. The first layer, whose ICS is 0 always, is left out."""
    return float(nan_median(state.median(f"ics_{measure}")[1:]))
