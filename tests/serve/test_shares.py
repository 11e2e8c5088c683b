"""Shares of the cores, how a process keeps to its own, and what an operator may set."""

from __future__ import annotations

import pytest

from bnviz.serve import pace
from bnviz.serve.admission.limits import Limits
from bnviz.serve.admission.turns import shares
from bnviz.serve.pace import Pace


@pytest.mark.parametrize(
    ("weights", "cores", "expected"),
    [
        ([1] * 8, 2, [0.25] * 8),
        ([1], 2, [1]),
        ([4, 1, 1], 2, [1, 0.5, 0.5]),
        ([4, 4, 1], 2, [8 / 9, 8 / 9, 2 / 9]),
        ([2, 1, 1, 1, 1], 3, [1, 0.5, 0.5, 0.5, 0.5]),
    ],
)
def test_shares_are_by_weight_and_together_they_take_all_cores(weights, cores, expected):
    found = shares(weights, cores)
    assert found == pytest.approx(expected)
    assert sum(found) == pytest.approx(min(cores, len(weights)))


def test_a_process_works_for_its_share_of_the_time(monkeypatch):
    now = 100.0
    monkeypatch.setattr(pace.time, "monotonic", lambda: now)
    mine, worked = Pace(), 0.0
    mine.change(share=0.25)
    while now < 200:
        began, now = now, now + 0.03
        mine.worked(began, 0.03)
        worked, now = worked + 0.03, now + mine.wait
    assert worked / 100 == pytest.approx(0.25, abs=0.02)
    now += 50  # it got no core for long
    mine.worked(now, 0.03)
    assert mine.wait == 0, "it may catch up"
    mine.change(interval=2.0, share=1.0)
    mine.worked(now, 0.03)
    assert mine.wait == 2.0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"cores": 0}, "cores must be a whole number from 1 to 1024, got 0."),
        ({"memory": 0.1}, "memory must be a number from 0.5 to 100000, got 0.1."),
        ({"minutes": 0.0}, "minutes must be a number from 1 to 100000, got 0.0."),
    ],
)
def test_limits_that_cannot_be_are_said(given, said):
    with pytest.raises(ValueError, match=said):
        Limits(**given)
