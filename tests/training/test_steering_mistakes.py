"""What cannot be done to a run's networks is said, and changes nothing."""

from __future__ import annotations

import pytest

from bnviz.training import Trainer
from bnviz.training.replay import with_fork, without_last_change
from bnviz.training.steering import steer
from tests.training.test_replay import SMALL


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda t: [t.fork("none") for _ in range(5)], "6 networks at most"),
        (lambda t: [t.drop("none"), t.drop("batch")], "batch is the only network left"),
        (lambda t: t.drop("nobody"), "Unknown arm 'nobody'"),
        (lambda t: t.rename("none", "<b>"), "A name has up to 40 characters"),
        (lambda t: t.rename("none", "a\u200bb"), "characters that can be seen"),  # no recording takes it
        (lambda t: steer(t, "fork", {"arm": "none", "at": -1}), "a step from 0 on, got -1"),
        (lambda t: without_last_change(t, "none"), "nothing to undo"),
        (lambda t: with_fork(t, 0, 5, "later", {}), "At step 5 there was no network 'later'; there were none, batch"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(act, words):
    trainer = Trainer(SMALL)
    with pytest.raises(ValueError, match=words):
        act(trainer)
    trainer.step(measure=True)
