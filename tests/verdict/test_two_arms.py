"""What two arms show together, on frames made for the purpose."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bnviz.verdict.two_arms import order
from tests.support.trained import changed, late, median, trained

pytestmark = pytest.mark.filterwarnings("error")


def test_measures_of_ics_that_contradict_each_other():
    run = changed(
        trained("good_init"), 0, ics_l2=np.full(7, 0.1), ics_relative=np.full(7, 0.2), ics_cosine=np.full(7, 0.9)
    )
    run = changed(run, 1, ics_l2=np.full(7, 0.3), ics_relative=np.full(7, 0.1), ics_cosine=np.full(7, 0.9))
    told = run.only("ics", 1)
    assert "larger by |G" in told.text
    assert "about the same by cosine 0.900 against 0.900. The measures contradict each other" in told.text
    assert told.numbers["agree"] == 0
    same = changed(run, 1, ics_l2=np.full(7, 0.1), ics_relative=np.full(7, 0.2)).only("ics", 1)
    assert "about the same as without normalization by every measure" in same.text


def landscape(band: tuple[float, float], gradient: tuple[float, float], beta: float) -> dict[str, object]:
    return {"landscape_loss": np.array(band), "landscape_predictiveness": np.array(gradient), "landscape_beta": beta}


@pytest.mark.parametrize(
    ("ours", "word", "agrees"),
    [
        (landscape((1.0, 1.1), (0.1, 0.2), 2.0), "steadier than", True),
        (landscape((1.0, 9.0), (0.1, 8.0), 90.0), "less steady than", False),
        (landscape((1.0, 1.1), (0.1, 8.0), 9.0), "neither steadier nor less steady than", None),
        (landscape((1.0, math.inf), (0.1, math.inf), math.inf), "less steady than", False),
    ],
)
def test_landscape(ours, word, agrees):
    run = changed(changed(trained("good_init"), 0, **landscape((1.0, 3.0), (0.5, 2.0), 9.0)), 1, **ours)
    told = run.only("landscape", 1)
    assert f"the landscape along the gradient is {word} without normalization" in told.text
    low, high = ours["landscape_loss"]
    assert told.numbers["loss_band"] == high - low
    assert told.numbers["gradient_change_reference"] == 2.0
    assert run.claims()["steadier"] is agrees


def test_the_landscape_of_a_real_run_is_steadier_with_batchnorm():
    told = trained("smooth").only("landscape", 1)
    assert "the landscape along the gradient is steadier than without normalization" in told.text
    bands = [[float(np.ptp(frame.landscape_loss)) for frame in late(trained("smooth"), arm)] for arm in (0, 1)]
    assert told.numbers["loss_band"] < told.numbers["loss_band_reference"] / 5
    assert median(bands[1]) < median(bands[0]) / 5
    assert trained("smooth").claims()["steadier"] is True


def test_landscape_of_one_arm_alone_is_not_compared():
    run = changed(trained("good_init"), 1, **landscape((1.0, 1.1), (0.1, 0.2), 2.0))
    assert ("landscape", 1) not in run.kinds()


def test_order_of_two_numbers():
    assert [order(a, b) for a, b in ((3, 1), (1, 3), (1, 1.2), (0, 0), (0, 1), (math.nan, 1))] == [
        1,
        -1,
        0,
        0,
        -1,
        None,
    ]
