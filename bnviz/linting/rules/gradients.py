"""Gradients from layer to layer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from statistics import median

from bnviz.linting.finding import Finding
from bnviz.linting.passes import Passes

STEEPEST = 500.0
"""How many times smaller or larger gradients may get over the whole net, at their usual change from layer to layer."""


def vanishing_gradients(seen: Passes) -> Iterator[Finding]:
    """Gradients that fall towards the input."""
    yield from _steep(seen, -1)


def exploding_gradients(seen: Passes) -> Iterator[Finding]:
    """Gradients that grow towards the input, or are no numbers at all."""
    endless = [name for name in seen.trace.deltas if not math.isfinite(seen.trace.deltas[name])]
    if not math.isfinite(seen.train_loss) or endless:
        layers = [layer.name for layer in seen.anatomy.layers]
        yield Finding(
            "exploding-gradients", next((each for each in layers if each in endless), layers[-1]), "error",
            f"the loss is {seen.train_loss:.3g}, and gradients of {len(endless)} modules are NaN or infinite.",
            "From the first update on all weights are NaN.",
            "Look at what enters the loss: smaller weights, normalization, no logarithm or division of 0.",
        )  # fmt: skip
        return
    yield from _steep(seen, 1)


def _steep(seen: Passes, sign: int) -> Iterator[Finding]:
    """The rate is the smaller one of the median over layers, as one pooling may change a norm much, and of that from
    end to end, as branches and wide layers change it to and fro."""
    layers = [layer.name for layer in seen.anatomy.layers]
    known = [(name, seen.trace.deltas[name]) for name in layers if seen.trace.deltas.get(name, 0.0) > 0]
    if len(known) < 4 or not all(math.isfinite(delta) for _, delta in known):
        return
    rates = [sign * math.log(low / high) for (_, low), (_, high) in pairwise(known)]
    rate = min(median(rates), sum(rates) / len(rates))
    if rate * len(rates) < math.log(STEEPEST):
        return
    (first, low), (last, high) = known[0], known[-1]
    name, word = ("exploding-gradients", "grow") if sign > 0 else ("vanishing-gradients", "fall")
    yield Finding(
        name, first, "error",
        f"gradients {word} {math.exp(rate):.2g}x a layer over {len(known)} layers, from {high:.2g} behind {last} to "
        f"{low:.2g} behind this one.",
        "Layers near the input then learn at a speed that is orders away (Glorot & Bengio 2010)."
        if sign < 0 else
        "Layers near the input then take updates that are orders too large (Glorot & Bengio 2010; BatchNorm itself "
        "does this in deep nets without residual sums: Yang et al. 2019).",
        "Normalize, initialize for the activation, or add residual sums."
        if sign < 0 else "Add residual sums, initialize for the activation, or clip gradients.",
    )  # fmt: skip
