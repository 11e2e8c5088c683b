"""The median that every sentence is made of."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest

from bnviz.verdict.state import nan_median


@pytest.mark.parametrize("shape", [(1,), (2,), (7,), (30,), (5, 3), (12, 4, 2)])
def test_the_median_is_that_of_the_numbers_that_are_there(shape):
    rng = np.random.default_rng(len(shape))
    for share in (0.0, 0.3, 0.9, 1.0):
        values = rng.standard_normal(shape)
        values[rng.random(shape) < share] = np.nan
        found = np.asarray(nan_median(values)).ravel()
        for column, median in zip(values.reshape(shape[0], -1).T, found, strict=True):
            known = [value for value in column.tolist() if not math.isnan(value)]
            assert median == statistics.median(known) if known else math.isnan(median)
