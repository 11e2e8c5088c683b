"""Units that pass no gradient."""

from __future__ import annotations

import math
from collections.abc import Iterator

from bnviz.linting.finding import Finding
from bnviz.linting.passes import Passes
from bnviz.linting.trace import Activation, is_part_of

FLATTEST = 0.5
"""Share of units that may be saturated or dead."""


def dead_units(seen: Passes) -> Iterator[Finding]:
    """ReLUs that are 0 on the whole batch: more of them than would be if each unit's sign were a toss of a coin.

    Where a fresh net's samples all look alike (behind a pooling), a unit is on or off for all of them by chance.
    """
    worst: dict[str, Activation] = {}
    for each in seen.trace.activations:
        if each.units and each.dead / each.units >= min(1.0, FLATTEST + 1.5 / math.sqrt(each.units)):
            known = worst.setdefault(each.module, each)
            worst[each.module] = max(known, each, key=lambda one: one.dead / one.units)
    for name, each in worst.items():
        yield Finding("dead-units", name, "warning",
                      f"{each.place} units: {each.dead} of {each.units} ({each.dead / each.units:.0%}) are 0 on the "
                      "whole batch.",
                      "No gradient passes a ReLU that is 0 (Maas et al. 2013).",
                      "Normalize before it, or lower the learning rate.")  # fmt: skip


def saturated_units(seen: Passes) -> Iterator[Finding]:
    """Sigmoids and tanhs in their flat parts."""
    worst: dict[str, Activation] = {}
    for each in seen.trace.activations:
        given = any(is_part_of(leaf, each.made) for leaf in seen.outputs)  # an output may be as sure as it likes
        if each.flat >= FLATTEST and not given:
            worst[each.module] = max(worst.setdefault(each.module, each), each, key=lambda one: one.flat)
    for name, each in worst.items():
        yield Finding("saturated-units", name, "warning",
                      f"{each.place} values: {each.flat:.0%} are in the flat part of the {each.kind}.",
                      "Where it is flat next to no gradient passes (Glorot & Bengio 2010).",
                      "Normalize before it, or start from smaller weights.")  # fmt: skip
