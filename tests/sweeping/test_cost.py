"""How long a sweep takes, against adding it up run by run."""

from __future__ import annotations

import pytest

from bnviz.config import RunConfig
from bnviz.sweeping import cost
from bnviz.sweeping.plan import cells

BASE = RunConfig(dataset="iris", width=8, batch_size=30, steps=200)


def test_it_is_what_all_runs_take_together(monkeypatch):
    monkeypatch.setattr(cost, "_timed", lambda config: (0.5, 0.001 * config.depth))
    planned = cells(BASE, {"depth": [1, 2, 5, 8, 9, 20], "learning_rate": [0.1, 1.0]}, 3)
    plain = sum(0.5 + 0.001 * cell.config.depth * 200 for cell in planned)
    assert cost.seconds(planned, 1) == pytest.approx(cost.STARTING + plain)
    assert cost.seconds(planned, 4) == pytest.approx(cost.STARTING + plain / 4)
    alone = cells(BASE, {"depth": [2]}, 1)
    assert cost.seconds(alone, 4) == pytest.approx(cost.STARTING + 0.5 + 0.4)


def test_a_few_real_steps_are_timed():
    begin, step = cost._timed(RunConfig(depth=20, width=64))
    assert begin > 0
    assert step > 10 * cost._timed(BASE)[1] / 20  # forty times the work, at the least no less
