"""Batches whose statistics are noise."""

from __future__ import annotations

import math
from collections.abc import Iterator

from bnviz.linting.finding import Finding
from bnviz.linting.passes import Passes
from bnviz.linting.spread import independent_values

FEWEST = 8
"""Independent values that a channel's statistics are of, at least: the variance over m of them has a relative error
of sqrt(2 / (m - 1)), the mean one of sqrt(1 / m) standard deviations."""
UNLIKE = 3.0
"""How many times further apart than chance explains the means of batches may be."""


def batch_too_small(seen: Passes) -> Iterator[Finding]:
    """Statistics over so few values that they are noise."""
    for name, _ in seen.of_the_batch():
        entering, spread = seen.trace.entered[name], seen.spread.get(name)
        values = entering.numel() // entering.shape[1]
        worth = independent_values(entering)
        if min(values, worth) >= FEWEST:
            continue
        told = f"its statistics are of {values} values a channel"
        told += f", which are worth {worth:.1f} independent ones" if worth < 0.9 * values else ""
        error = math.sqrt(2 / (min(values, worth) - 1)) if min(values, worth) > 1 else math.inf
        told += f": a variance is off by {error:.0%}, a mean by {min(values, worth) ** -0.5:.2f} standard deviations."
        if spread:
            told += (f" Measured over {spread.batches} batches: {spread.variance:.0%} and {spread.mean:.2f} "
                     "standard deviations.")  # fmt: skip
        yield Finding(
            "batch-too-small", name, "error" if values <= 2 else "warning", told,
            "At 2 values BatchNorm gives plus and minus 1 whatever comes in, and passes no gradient "
            "(GroupNorm was made for small batches: Wu & He 2018).",
            f"Take batches of {FEWEST} or more, or GroupNorm.",
        )  # fmt: skip


def one_value(module: str) -> Finding:
    """What ends the pass: a BatchNorm that has one value a channel."""
    return Finding(
        "batch-too-small", module, "error",
        "its statistics would be of 1 value a channel: PyTorch refuses that in train mode, so the pass ended here and "
        "no other rule was asked.",
        "A value less its own mean is 0, and has no spread (Ioffe & Szegedy 2015, section 3).",
        f"Take batches of {FEWEST} or more, or GroupNorm.",
    )  # fmt: skip


def batches_not_mixed(seen: Passes) -> Iterator[Finding]:
    """Batches further apart than batches drawn at random would be."""
    for name, _ in seen.of_the_batch():
        if (spread := seen.spread.get(name)) is None:
            continue
        by_chance = independent_values(seen.trace.entered[name]) ** -0.5
        if spread.mean > max(FEWEST**-0.5, UNLIKE * by_chance):
            yield Finding(
                "batches-not-mixed", name, "warning",
                f"over {spread.batches} batches the mean of what enters it moves by {spread.mean:.2f} standard "
                f"deviations; by chance it would be {by_chance:.2f}.",
                "Running statistics are of a mixture that no batch has, so that eval mode differs from train mode, and "
                "the net can tell a batch from its statistics (Ioffe & Szegedy 2015, section 4.2.1, shuffle more).",
                "Shuffle the samples (shuffle=True), so that each batch is drawn from all of them.",
            )  # fmt: skip
            return  # the first says it; the others follow from that


def last_batch_of_one(seen: Passes) -> Iterator[Finding]:
    """An epoch that ends with one sample."""
    if seen.given.last != 1 or seen.given.n == 1:
        return
    for name, _ in seen.of_the_batch():
        entering = seen.trace.entered[name]
        each = entering.numel() // entering.shape[1] // seen.given.n
        yield Finding(
            "last-batch-of-one", name, "error" if each <= 1 else "warning",
            "the last batch of an epoch has 1 sample: "
            + ("1 value a channel, which PyTorch refuses in train mode." if each <= 1
               else f"the statistics are of that sample's {each} positions alone."),
            "Statistics of one sample are not those of the data, and go into the running ones like any others "
            "(Ioffe & Szegedy 2015, section 3.1).",
            "Give the DataLoader drop_last=True, or another batch size.",
        )  # fmt: skip
        return  # one drop_last mends all
