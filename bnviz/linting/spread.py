"""How far the statistics of a batch are from those of another: how much of them is noise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bnviz.linting.sample import Given
from bnviz.linting.trace import Trace
from bnviz.models.anatomy import observed
from bnviz.models.copies import copied, replayable


@dataclass(frozen=True, slots=True)
class Spread:
    """Of one BatchNorm's statistics over batches, the median channel."""

    batches: int
    mean: float
    """Standard deviation of the batch's mean, in standard deviations of a value."""
    variance: float
    """Standard deviation of the batch's variance, in shares of it."""


def over_batches(model: nn.Module, given: Given) -> dict[str, Spread]:
    """The spread of each BatchNorm in a model (in train mode), over the batches given. Empty with fewer than 3."""
    if len(given.xs) < 3:
        return {}
    seen: dict[str, list[tuple[Tensor, Tensor]]] = {}
    twin = copied(model)
    for x in given.xs:
        trace = Trace(twin)
        with torch.no_grad(), replayable(), observed(twin, trace.see), trace:
            twin(*(x if isinstance(x, tuple) else (x,)))
        for name, calls in trace.statistics.items():
            seen.setdefault(name, []).append(calls[0])
    return {name: _spread(calls) for name, calls in seen.items()}


def _spread(calls: list[tuple[Tensor, Tensor]]) -> Spread:
    means, variances = (torch.stack(each).double() for each in zip(*calls, strict=True))  # (batches, C)
    varies = variances.mean(0) > 0
    if not bool(varies.any()):
        return Spread(len(calls), 0.0, 0.0)
    means, variances = means[:, varies], variances[:, varies]
    mean = (means.var(0) / variances.mean(0)).sqrt().median()
    variance = variances.std(0) / variances.mean(0)
    return Spread(len(calls), float(mean), float(variance.median()))


def independent_values(x: Tensor) -> float:
    """How many independent values a batch's mean is worth, measured on that batch (n, C, ...) alone.

    A mean over m independent values has the variance v / m. Here its variance comes from how the samples' own means
    differ. Dense layers give n; maps, whose positions are alike, anything from n up to n times their positions.
    """
    rows = x.detach().double().flatten(2) if x.dim() > 2 else x.detach().double().unsqueeze(2)  # (n, C, positions)
    n, _, positions = rows.shape
    if n < 2:
        return float(positions)
    between = rows.mean(2).var(0).mean()
    of_mean, of_values = between / n, between + rows.var(2, correction=0).mean()
    return min(float(of_values / of_mean), float(n * positions)) if of_mean > 0 else float(n * positions)
