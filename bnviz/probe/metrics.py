"""Numbers from tensors: histograms on shared edges, percentiles, saturation, dead units, update sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnviz.frames import BINS, PERCENTILES, Counts, Floats

SPREAD = 4.0
"""A histogram reaches this many standard deviations to either side of the mean."""
TINY = 1e-15
"""Deviations below this are squared in units of the furthest one."""
_NICE = np.array([1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0])
_Rows = NDArray[np.float32] | NDArray[np.float64]


def stack_rows(tensors: Sequence[Tensor]) -> list[tuple[list[int], _Rows]]:
    """Tensors of equal size as the rows of one array, so that one call measures many layers.

    Returns pairs of (positions in `tensors`, array of shape (rows, values)).
    """
    groups: dict[int, list[int]] = {}
    for position, tensor in enumerate(tensors):
        groups.setdefault(tensor.numel(), []).append(position)
    return [
        (rows, torch.stack([tensors[row].detach().reshape(-1) for row in rows]).numpy()) for rows in groups.values()
    ]


def spread(values: _Rows) -> tuple[Floats, Floats, Floats]:
    """Mean, standard deviation and wanted range of each row: (R, n) -> (R,), (R,), (R, 2).

    The range reaches `SPREAD` standard deviations from the mean, but never past the data; it is NaN where
    a value is not finite.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        mean, least, most = values.mean(axis=1), values.min(axis=1), values.max(axis=1)
        centred = values - mean[:, None]
        furthest = np.maximum(most - mean, mean - least)
        unit = np.ones_like(furthest)
        tiny = (furthest > 0) & (furthest < TINY)
        if tiny.any():  # in float32 their squares would be 0
            unit[tiny] = furthest[tiny]
            centred /= unit[:, None]
        std = unit * np.sqrt(np.einsum("rn,rn->r", centred, centred) / values.shape[1])
        low = np.maximum(least, mean - SPREAD * std)
        high = np.minimum(most, mean + SPREAD * std)
        ranges = np.stack([low, high], axis=1).astype(np.float64)
    ranges[~np.isfinite(ranges).all(axis=1)] = np.nan
    return mean.astype(np.float64), std.astype(np.float64), ranges


def shared_ranges(wanted: Sequence[Floats]) -> Floats:
    """One range a layer that holds what each arm wants: arms x (L, 2) -> (L, 2).

    Rounded outward to a number that is easy to read, and always with 0 inside. Arms that have diverged (NaN)
    have no say.
    """
    stacked = np.stack(wanted)  # (A, L, 2)
    low = np.fmin.reduce(stacked[..., 0], axis=0)
    high = np.fmax.reduce(stacked[..., 1], axis=0)
    low, high = np.nan_to_num(np.minimum(low, 0.0)), np.nan_to_num(np.maximum(high, 0.0))
    high = np.where((low == 0) & (high == 0), 1.0, high)
    return np.stack([-nice_ceiling(-low), nice_ceiling(high)], axis=1)


def nice_ceiling(values: Floats) -> Floats:
    """The next number not below each value >= 0 whose first digits are easy to read (1, 1.5, 2, 3 ... 10)."""
    positive = np.maximum(values, 1e-300)
    power = 10.0 ** np.floor(np.log10(positive))
    digits = _NICE[np.minimum(np.searchsorted(_NICE, positive / power * (1 - 1e-12)), len(_NICE) - 1)]
    return np.where(values > 0, digits * power, 0.0)


class Binned(NamedTuple):
    """Values of each row in equal bins over its range, with one more bin at each end for what lies outside."""

    places: NDArray[np.uint8]
    """The bin of each value, (R, n); larger values are never in lower bins."""
    counts: NDArray[np.int64]
    """(R, B + 2)."""

    @property
    def histograms(self) -> Counts:
        """Counts within the range: (R, B)."""
        return self.counts[:, 1:-1].astype(np.int32)

    @property
    def clipped(self) -> Floats:
        """Share of each row outside its range, 0..1: (R,)."""
        shares: Floats = 1.0 - self.counts[:, 1:-1].sum(axis=1) / self.places.shape[1]
        return shares


def binned(values: _Rows, ranges: Floats) -> Binned:
    """Sort values into bins: (R, n), (R, 2).

    Values that are not finite count as outside; a value on the last edge is inside.
    """
    low, high = ranges[:, :1].astype(values.dtype), ranges[:, 1:].astype(values.dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        position = np.subtract(values, low) * (BINS / (ranges[:, 1:] - ranges[:, :1])).astype(values.dtype)
        np.fmin(position, BINS - 0.5, out=position, where=np.less_equal(values, high))
        # NaN goes to the first bin (fmax prefers a number).
        np.floor(position, out=position)
        np.fmax(position, -1, out=position)
        np.fmin(position, BINS, out=position)
    position += 1
    places = position.astype(np.uint8)
    return Binned(places, np.stack([np.bincount(row, minlength=BINS + 2) for row in places]))


def percentiles(values: _Rows, bins: Binned | None = None) -> Floats:
    """15th, 50th and 85th percentile of each row, interpolated linearly: (R, n) -> (R, 3).

    bins: the same values in bins, where they are at hand; then only those bins are sorted that hold what is sought,
    for a third of the cost. NaN for a row with a value that is not finite.
    """
    place = np.array(PERCENTILES) / 100 * (values.shape[1] - 1)
    below = np.floor(place).astype(int)
    ranks = np.stack([below, np.minimum(below + 1, values.shape[1] - 1)])  # (2, 3)
    if bins is None:
        found = np.sort(values, axis=1)[:, ranks]  # (R, 2, 3); faster here than a partition
    else:
        found = _ranked(values, bins, ranks.ravel()).reshape(-1, *ranks.shape)
    share = place - below
    with np.errstate(invalid="ignore"):
        result: Floats = found[:, 0].astype(np.float64) * (1 - share) + found[:, 1] * share
    result[~(np.isfinite(values.min(axis=1)) & np.isfinite(values.max(axis=1)))] = np.nan
    return result


def _ranked(values: _Rows, bins: Binned, ranks: NDArray[np.int64]) -> NDArray[np.floating[Any]]:
    """The values of each row that would have these ranks if it were sorted: (R, n), (K,) -> (R, K)."""
    until = bins.counts.cumsum(axis=1)
    sought = (until[:, :, None] <= ranks).sum(axis=1)  # (R, K): the bin of each
    wanted = np.zeros(until.shape, bool)
    np.put_along_axis(wanted, sought, True, axis=1)
    left_out = np.where(wanted, 0, bins.counts).cumsum(axis=1)
    places = ranks - np.take_along_axis(left_out, sought, axis=1)
    rows = zip(values, wanted, bins.places, places, strict=True)
    return np.stack([np.sort(row[of_bin.take(bin_)])[place] for row, of_bin, bin_, place in rows])


def saturated_share(activation: nn.Module | None, output: Tensor) -> float:
    """Share of activations in the flat part of a tanh (|y| > 0.97) or sigmoid (y outside (0.03, 0.97)); else NaN."""
    if isinstance(activation, nn.Tanh):
        flat = output.abs() > 0.97
    elif isinstance(activation, nn.Sigmoid):
        flat = (output - 0.5).abs() > 0.47
    else:
        return float("nan")
    return int(flat.count_nonzero()) / flat.numel()


def dead_share(activation: nn.Module | None, output: Tensor) -> float:
    """Share of ReLU units (or channels) that are 0 on the whole batch; NaN for other activations."""
    if not isinstance(activation, nn.ReLU):
        return float("nan")
    alive = output.amax((0, *range(2, output.dim()))) != 0  # (C,); a ReLU is never negative
    return 1 - int(alive.count_nonzero()) / alive.numel()


def norms(tensors: Sequence[Tensor | None]) -> Floats:
    """L2 norm of each tensor; NaN where there is none: -> (L,)."""
    return np.array(
        [
            float("nan") if t is None else float(torch.linalg.vector_norm(t.detach(), dtype=torch.float64))
            for t in tensors
        ]
    )


def update_ratios(before: Sequence[Tensor], after: Sequence[Tensor]) -> Floats:
    """log10(std(update) / std(weight)) of each weight, weight as it was before: -> (L,); -inf for no update.

    Source: Karpathy, makemore part 3.
    """
    ratios = np.empty(len(before))
    for (rows, old), (_, new) in zip(stack_rows(before), stack_rows(after), strict=True):
        with np.errstate(all="ignore"):  # weights that have diverged
            update, weight = (new - old).std(axis=1), old.std(axis=1)
            ratios[rows] = np.log10(update.astype(np.float64) / weight.astype(np.float64))
    return ratios


def running_gaps(normalizations: Sequence[nn.Module | None], values: Sequence[Tensor | None]) -> Floats:
    """How far each BatchNorm's running statistics are from those of this batch: (L, 2).

    values: what enters each normalization, (n, C, ...). First column, mean gap: average over channels of
    |running mean - batch mean| / batch std. Second, variance ratio: median of running variance / batch variance
    (unbiased, as `running_var` keeps it); NaN for L1 and L-infinity, which keep another measure of spread. Both are
    NaN where nothing keeps running statistics.
    """
    gaps = np.full((len(values), 2), np.nan)
    groups: dict[torch.Size, dict[int, tuple[Tensor, Tensor, Tensor]]] = {}
    for place, (module, entering) in enumerate(zip(normalizations, values, strict=True)):
        mean, var = getattr(module, "running_mean", None), getattr(module, "running_var", None)
        if entering is not None and mean is not None:
            var = torch.full_like(mean, math.nan) if var is None else var
            groups.setdefault(entering.shape, {})[place] = entering.detach(), mean, var
    for group in groups.values():
        x, running_mean, running_var = map(torch.stack, zip(*group.values(), strict=True))
        x = x.flatten(3) if x.dim() > 3 else x.unsqueeze(3)  # (R, n, C, m)
        batch_mean = x.mean((1, 3))
        away = x - batch_mean[:, None, :, None]
        batch_var = away.square_().sum((1, 3)) / (x.shape[1] * x.shape[3] - 1)
        gap = ((running_mean - batch_mean).abs() / batch_var.sqrt()).mean(1)
        gaps[list(group)] = torch.stack([gap, (running_var / batch_var).median(1).values], 1).cpu().numpy()
    return gaps
