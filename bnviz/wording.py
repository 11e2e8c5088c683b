"""How verdicts are worded: numbers as text, arms as people call them, and `Span`s that a page can colour."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bnviz.config import Arm

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Span:
    """A piece of a sentence; `arm` is the place of the arm it speaks of, or None."""

    text: str
    arm: int | None = None


def spans(*parts: str | Span) -> tuple[Span, ...]:
    """A sentence from its pieces; plain text speaks of no arm. The first letter becomes a capital."""
    pieces = [Span(part) if isinstance(part, str) else part for part in parts]
    first = pieces[0]
    return (Span(first.text[:1].upper() + first.text[1:], first.arm), *pieces[1:])


def number(value: float) -> str:
    """Two significant digits: 0.001, 0.38, 2.3, 120, 3.4×10⁴, 1.2×10⁻⁵.

    >>> number(0.00034), number(123.0), number(0.5)
    ('3.4×10⁻⁴', '120', '0.5')
    """
    if math.isnan(value):
        return "unknown"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    value = float(f"{value:.1e}")
    if value == 0 or 1e-3 <= abs(value) < 100:
        return f"{value:.2g}"
    if 100 <= abs(value) < 1e4:
        return f"{value:.0f}"
    digits, power = f"{value:.1e}".split("e")
    return f"{digits.removesuffix('.0')}×10{str(int(power)).translate(_SUPERSCRIPT)}"


def loss(value: float) -> str:
    """A loss: two decimals where that says enough (2.31), else as `number`."""
    return f"{value:.2f}" if 0.1 <= value < 100 else number(value)


def percent(share: float) -> str:
    """A share in percent; 0 % and 100 % only where they are exact.

    >>> percent(0.944), percent(0.998), percent(1.0)
    ('94 %', '99.8 %', '100 %')
    """
    if math.isnan(share):
        return "unknown"
    whole = round(100 * share)
    return f"{whole} %" if whole not in (0, 100) or share in (0, 1) else f"{100 * share:.2g} %".replace(
        "1e+02", "99.9") if share < 0.5 else f"{min(100 * share, 99.9):.1f} %"  # fmt: skip


def names(arms: Sequence[Arm]) -> list[str]:
    """What is done to each arm, as said within a sentence; arms that are alike are numbered by their place.

    >>> names([Arm("none"), Arm("batch")])
    ['without normalization', 'with BatchNorm']
    """
    alike = Counter(arm.title for arm in arms)
    return [
        f"in network {place} ({arm.title})" if alike[arm.title] > 1 else _name(arm)
        for place, arm in enumerate(arms, start=1)
    ]


def _name(arm: Arm) -> str:
    if arm.normalization != "none":
        return f"with {arm.title}"
    rest = arm.title.removeprefix(Arm("none").title)
    return f"with {rest[3:]}" if rest.startswith(" + ") else f"without normalization{rest}"


def listed(parts: Sequence[Sequence[str | Span]]) -> list[str | Span]:
    """Pieces joined by commas, with `and` before the last."""
    joined: list[str | Span] = []
    for place, part in enumerate(parts):
        joined += [" and " if place == len(parts) - 1 else ", "] if place else []
        joined += part
    return joined
