"""What a sweep is to run."""

from __future__ import annotations

import pytest

from bnviz.config import RunConfig
from bnviz.sweeping.plan import axis, cells

BASE = RunConfig(depth=2, width=8, dataset="iris", seed=5)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("depth=2,6,20", ("depth", ("2", "6", "20"))),
        ("learning_rate=0.01..1:log3", ("learning_rate", ("0.01", "0.1", "1"))),
        ("width = 16..64:4", ("width", ("16", "32", "48", "64"))),
        ("bn_momentum=0.1..0.3:3", ("bn_momentum", ("0.1", "0.2", "0.3"))),
        ("activation=relu", ("activation", ("relu",))),
    ],
)
def test_an_axis_as_text(text, wanted):
    assert axis(text) == wanted


@pytest.mark.parametrize(
    "text", ["depth", "depth=", "rate=1..2", "rate=2..1:3", "rate=0..1:log3", "rate=1..2:1", "rate=a..b:3"]
)
def test_what_is_no_axis_is_said(text):
    with pytest.raises(ValueError, match=r"A range is A\.\.B:N|An axis is NAME=A,B,C") as error:
        axis(text)
    assert repr(text) in str(error.value)


def test_every_combination_and_every_seed_once_the_last_axis_fastest():
    found = cells(BASE, {"depth": [2, "3"], "learning_rate": [0.1, 0.2]}, 2)
    wanted = [(depth, rate, seed) for depth in (2, 3) for rate in (0.1, 0.2) for seed in (5, 6)]
    assert [(each.config.depth, each.config.learning_rate, each.config.seed) for each in found] == wanted
    assert found[2].place == (("depth", 2), ("learning_rate", 0.2))
    assert len({each.key for each in found}) == len(found)
    assert cells(BASE, {}, [7])[0].config.seed == 7


@pytest.mark.parametrize(
    ("grid", "seeds", "told"),
    [
        ({"depht": [1]}, 2, "A sweep goes over dataset, .*got 'depht'"),
        ({"seed": [1]}, 2, "A sweep goes over"),
        ({"depth": [2, 1000]}, 2, "depth must be a whole number from 1 to"),
        ({"depth": [2, "2"]}, 2, "Each value of depth must be there once"),
        ({"depth": []}, 2, "depth must have 1 to"),
        ({"activation": "relu"}, 2, "activation must have 1 to 1000 values, as a list"),
        ({}, 0, "seeds must be"),
        ({}, [1, 1], "seeds must be"),
        ({"width": range(2, 500), "steps": range(10, 500)}, 4, "a sweep takes up to 100,000"),
    ],
)
def test_mistakes_are_one_sentence(grid, seeds, told):
    with pytest.raises(ValueError, match=told):
        cells(BASE, grid, seeds)
