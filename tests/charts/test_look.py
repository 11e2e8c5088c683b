"""The palette: read as text, and told apart by every kind of eye."""

from __future__ import annotations

from itertools import combinations

import pytest

from bnviz.charts.look import PALETTE, SIGNS
from bnviz.config import MAX_ARMS

EYES = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
"""What linear RGB looks like to an eye (Machado, Oliveira & Fernandes 2009, severity 1.0)."""
XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
"""Of linear sRGB (IEC 61966-2-1); its second row is the luminance."""


def times(matrix, vector):
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


def linear(color):
    shares = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]


def lab(color, eye):
    """CIE 1976 L*a*b* of what the eye sees."""
    seen = [min(1.0, max(0.0, share)) for share in times(EYES[eye], linear(color))]
    white = times(XYZ, (1, 1, 1))
    x, y, z = (
        t ** (1 / 3) if t > (6 / 29) ** 3 else t / (3 * (6 / 29) ** 2) + 4 / 29
        for t in (part / whole for part, whole in zip(times(XYZ, seen), white, strict=True))
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def apart(one, other, eye):
    return sum((a - b) ** 2 for a, b in zip(lab(one, eye), lab(other, eye), strict=True)) ** 0.5


def contrast(one, other):
    """Of two colours (WCAG 2.2, "contrast ratio")."""
    low, high = sorted(times(XYZ, linear(color))[1] for color in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("theme", PALETTE)
def test_no_two_networks_look_alike(theme, eye):
    arms = PALETTE[theme].arms
    assert len(arms) == len(SIGNS) == MAX_ARMS
    assert min(apart(*pair, eye) for pair in combinations(arms, 2)) > 18  # a tenth of that is just seen
    assert apart(arms[0], arms[1], eye) > 80


@pytest.mark.parametrize("theme", PALETTE)
def test_what_is_written_in_a_colour_can_be_read(theme):
    colors = PALETTE[theme]
    for color in (*colors.arms, colors.text, colors.quiet):
        assert contrast(color, colors.background) >= 4.5, color


def test_contrast_is_that_of_the_definition():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)
    assert lab("#FFFFFF", "usual") == pytest.approx((100, 0, 0), abs=0.02)
