"""The laws that cost least, one by one; and the formulas among them against values from the papers."""

from __future__ import annotations

import math

import pytest
import torch

from bnviz import laws
from bnviz.laws.at_init import any_growth, relu_growth
from bnviz.laws.law import at_most, largest

CHEAP = (1, 2, 3, 4, 5, 6, 7, 9, 11, 12, 13, 14, 19)


@pytest.mark.parametrize("number", CHEAP)
def test_law_holds(number: int) -> None:
    (result,) = laws.run(only={number})
    assert result.number == number
    assert result.passed, result.measured


def test_yang_growth() -> None:
    large = math.pi / (math.pi - 1)
    assert relu_growth(10**6) == pytest.approx(large, rel=1e-4)
    assert any_growth("relu") == pytest.approx(large, rel=1e-3)
    assert any_growth("identity") == pytest.approx(1)


def test_nan_is_not_within_any_bound() -> None:
    assert not at_most(largest(torch.tensor([0.0]), torch.tensor([float("nan"), 1.0])), 1.0).passed
