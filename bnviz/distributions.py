"""How values are spread in each layer, from what `metrics.stack_rows` groups: moments, histograms, percentiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnviz import metrics
from bnviz.frames import Floats

Groups = Sequence[tuple[list[int], NDArray[np.float32] | NDArray[np.float64]]]


def distributions(arms: Mapping[str, Groups], count: int) -> dict[str, dict[str, Any]]:
    """Mean, std, range, histogram and clipped share per layer and arm, on edges that the arms share."""
    results: dict[str, dict[str, Any]] = {}
    for label, groups in arms.items():
        result: dict[str, Any] = {"mean": np.empty(count), "std": np.empty(count), "range": np.empty((count, 2))}
        for rows, values in groups:
            result["mean"][rows], result["std"][rows], result["range"][rows] = metrics.spread(values)
        results[label] = result
    shared = metrics.shared_ranges([result["range"] for result in results.values()])
    for label, groups in arms.items():
        hist, clipped = np.empty((count, metrics.BINS), np.int32), np.empty(count)
        for rows, values in groups:
            hist[rows], clipped[rows] = metrics.histograms(values, shared[rows])
        results[label] |= {"range": shared, "hist": hist, "clipped": clipped}
    return results


def layer_percentiles(groups: Groups, count: int) -> Floats:
    """15th, 50th and 85th percentile per layer: (L, 3)."""
    result = np.empty((count, 3))
    for rows, values in groups:
        result[rows] = metrics.percentiles(values)
    return result
