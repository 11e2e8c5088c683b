"""Numbers and names as text."""

from __future__ import annotations

import doctest
import math
import re

import pytest

from bnviz.config import Arm
from bnviz.lineup import Member
from bnviz.verdict import wording
from bnviz.verdict.wording import number, percent


def test_numbers_keep_two_digits():
    assert doctest.testmod(wording).failed == 0
    for value in (3.456e-7, 0.00099, 0.00123, 0.0456, 0.96, 1.06, 9.96, 99.4, 99.6, 123.0, 9876.0, 34567.0, 0.0009996):
        shown = number(value).translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
        digits, _, power = re.sub(r"\W10(?=-?\d+$)", "e", shown).partition("e") if "10" in shown else (shown, "", "")
        assert float(digits) * 10 ** int(power or 0) == pytest.approx(value, rel=0.05)
    assert [number(v) for v in (0.0, math.inf, math.nan)] == ["0", "∞", "unknown"]
    said = [percent(v) for v in (0.0, 0.0001, 0.5, 0.9999, 1.0)]
    assert said == [f"{each}\N{NO-BREAK SPACE}%" for each in ("0", "0.1", "50", "99.9", "100")]


def test_names_of_arms():
    arms = [Arm("none", trick="auxiliary"), Arm("none", noise=True), Arm("none", learning_rate=0.1), Arm("batch_l1")]
    assert wording.names([Member(arm, place) for place, arm in enumerate(arms)]) == [
        "with auxiliary losses", "with noise", "without normalization, lr 0.1", "with BatchNorm L1",
    ]  # fmt: skip
