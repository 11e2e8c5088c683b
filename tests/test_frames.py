from __future__ import annotations

import math

import numpy as np
import pytest

from bnviz.config import RunConfig
from bnviz.frames import BINS, Event, edges
from bnviz.lineup import current_config
from bnviz.training import Trainer


def test_edges_are_equal_bins_over_the_range():
    result = edges(np.array([[-1.0, 1.0], [0.0, 64.0]]))
    assert result.shape == (2, BINS + 1)
    for row, (low, high) in zip(result, [(-1, 1), (0, 64)], strict=True):
        np.testing.assert_allclose(row, [low + (high - low) * k / BINS for k in range(BINS + 1)])


def test_a_frame_has_diverged_when_loss_or_a_gradient_is_not_finite(make_frame):
    config = RunConfig(depth=2)
    assert not make_frame(config, 0, "none").diverged
    assert make_frame(config, 0, "none", train_loss=math.inf).diverged
    assert make_frame(config, 0, "none", grad_norm=np.array([1.0, np.nan, 1.0])).diverged


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (Event(3, "change", "none", {"normalization": "batch"}), "none: normalization → batch"),
        (Event(3, "change", None, {"learning_rate": "0.1"}), "learning_rate → 0.1"),
        (Event(3, "diverged", "none"), "none: diverged"),
        (Event(3, "fork", "none", {"label": "batch"}), "none: fork → batch"),
    ],
)
def test_an_event_in_words(event, text):
    assert event.text == text
    assert Event(**event.to_dict()) == event


def test_the_config_as_it_is_now_follows_every_live_change():
    config = RunConfig(depth=2, width=8)
    trainer = Trainer(config)
    for changes in ({"steps": 50}, {"learning_rate": 0.25, "measure_every": 5}, {"landscape": "0.5-4"}):
        trainer.change(**changes)
    trainer.change("none", normalization="layer", learning_rate=0.1)
    trainer.fork("batch", noise=True)
    assert current_config(config, trainer.events) == trainer.config
    assert [event.touches_networks for event in trainer.events] == [False, True, False, True, True]
