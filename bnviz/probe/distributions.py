"""How values are spread in each layer, from what `metrics.stack_rows` groups: moments, histograms, percentiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bnviz.frames import BINS, Floats
from bnviz.probe import metrics

Groups = Sequence[tuple[list[int], NDArray[np.float32] | NDArray[np.float64]]]


def grouped(tensors: Sequence[Tensor], rows: Sequence[int]) -> Groups:
    """What each layer holds, by size (see `metrics.stack_rows`), each with the row of a frame that it fills."""
    return [([rows[place] for place in places], values) for places, values in metrics.stack_rows(tensors)]


def in_rows(measured: Mapping[str, Floats], rows: Sequence[int], count: int) -> dict[str, Floats]:
    """One value a layer put into the rows of a frame: (len(rows),) -> (count,), NaN elsewhere."""
    placed = {name: np.full(count, np.nan) for name in measured}
    for name, values in measured.items():
        placed[name][list(rows)] = values
    return placed


def distributions(arms: Mapping[str, Groups], count: int, percentiles: bool = False) -> dict[str, dict[str, Any]]:
    """Mean, std, range, histogram, clipped share and, if wanted, percentiles per layer and arm.

    All arms share their edges.
    """
    results: dict[str, dict[str, Any]] = {}
    for label, groups in arms.items():
        result: dict[str, Any] = {
            "mean": np.full(count, np.nan),
            "std": np.full(count, np.nan),
            "range": np.full((count, 2), np.nan),
        }
        for rows, values in groups:
            result["mean"][rows], result["std"][rows], result["range"][rows] = metrics.spread(values)
        results[label] = result
    shared = metrics.shared_ranges([result["range"] for result in results.values()])
    for label, groups in arms.items():
        hist, clipped = np.zeros((count, BINS), np.int32), np.full(count, np.nan)
        marks = np.full((count, 3), np.nan)
        for rows, values in groups:
            bins = metrics.binned(values, shared[rows])
            hist[rows], clipped[rows] = bins.histograms, bins.clipped
            if percentiles:
                marks[rows] = metrics.percentiles(values, bins)
        results[label] |= {"range": shared, "hist": hist, "clipped": clipped, "percentiles": marks}
    return results


def unit_percentiles(groups: Groups, count: int) -> Floats:
    """15th, 50th and 85th percentile per layer, of values too few for bins: (L, 3)."""
    result = np.full((count, 3), np.nan)
    for rows, values in groups:
        result[rows] = metrics.percentiles(values)
    return result
