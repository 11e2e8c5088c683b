"""What is read from frames before any word is said."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bnviz.config import Arm
from bnviz.verdict.signs import gradient_rate
from bnviz.verdict.state import read
from tests.support.trained import trained

pytestmark = pytest.mark.filterwarnings("error")


def test_gradient_rate():
    assert gradient_rate(np.array([9.0, 1.0, 4.0, 16.0, 9.0])) == pytest.approx(4)
    assert math.isnan(gradient_rate(np.array([1.0, 1.0, 1.0])))
    assert math.isnan(gradient_rate(np.zeros(9)))


def test_later_events_are_not_known_yet():
    """An event comes before the frames of its step; the page also looks back to before it."""
    run = trained("toggled")
    early = [frames for frames in run.steps if frames[0].step <= 100]
    for seen, unaware in zip(read(run.config, early, run.events), read(run.config, early), strict=True):
        assert (seen.arm, seen.name, len(seen.recent)) == (unaware.arm, unaware.name, len(unaware.recent))
    changed_arm = read(run.config, run.steps, run.events)[0]
    assert changed_arm.arm == Arm("batch")
    assert [frame.step for frame in changed_arm.frames] == [105]
