"""How verdicts are worded: numbers as text, arms as people call them, and `Span`s that a page can colour."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bnviz.config import AS_IS, Arm, numbered
from bnviz.lineup import Member

TIMES = "×"
FORMULAS = {"l2": "|G−G′|", "relative": "|G−G′|/|G|", "cosine": "cosine"}
"""Of ICS (Santurkar et al. 2018, Definition 2.1), and how they are written."""
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Span:
    """A piece of a sentence; `arm` is the place of the arm it speaks of, or None."""

    text: str
    arm: int | None = None


Piece = str | Span


def spans(*parts: Piece) -> tuple[Span, ...]:
    """A sentence from its pieces; plain text speaks of no arm. The first letter becomes a capital."""
    pieces = [Span(part) if isinstance(part, str) else part for part in parts]
    first = pieces[0]
    return (Span(first.text[:1].upper() + first.text[1:], first.arm), *pieces[1:])


def number(value: float) -> str:
    """Two significant digits, with a power of ten below 0.001 and from 10000 on.

    >>> number(0.38), number(0.001), number(123.0)
    ('0.38', '0.001', '120')
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
    return f"{digits.removesuffix('.0')}{TIMES}10{str(int(power)).translate(_SUPERSCRIPT)}"


def factor(value: float) -> str:
    """A factor with its sign, finer near 1: 1.04 but 4.2."""
    return f"{value:.2f}{TIMES}" if 0.95 <= value < 1.95 else f"{number(value)}{TIMES}"


def cosine(value: float) -> str:
    """A cosine, whose last digits matter near 1: 0.998."""
    return "unknown" if math.isnan(value) else f"{value:.3f}"


def loss(value: float) -> str:
    """A loss: two decimals where that says enough (2.31), else as `number`."""
    return f"{value:.2f}" if 0.1 <= value < 100 else number(value)


def percent(share: float) -> str:
    """A share in percent, which no line breaks before its sign; 0 % and 100 % only where they are exact.

    >>> print(percent(0.944), percent(0.998), percent(1.0), sep="; ")
    94 %; 99.8 %; 100 %
    """
    if math.isnan(share):
        return "unknown"
    if 0.995 <= share < 1:
        return f"{min(100 * share, 99.9):.1f}\N{NO-BREAK SPACE}%"
    if 0 < share < 0.005:
        return f"{max(100 * share, 0.1):.1f}\N{NO-BREAK SPACE}%"
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"


def names(members: Iterable[Member]) -> list[str]:
    """What is done to each arm, as said within a sentence; alike ones are told apart as their titles are.

    >>> arms = [Member(Arm("batch"), 0), Member(Arm("batch"), 1), Member(Arm("batch"), 2, since=30, forked=True)]
    >>> names(arms)
    ['with BatchNorm', 'with BatchNorm (2)', 'with BatchNorm · forked at step 30']
    """
    own = [(f"in “{each.name}”" if each.name else _name(each.arm), each) for each in members]
    count = Counter(name for name, _ in own)
    return list(numbered(name + each.history if count[name] > 1 and not each.name else name for name, each in own))


def _name(arm: Arm) -> str:
    if arm.normalization == AS_IS:
        return _title(arm)
    if arm.normalization != "none":
        return f"with {_title(arm)}"
    rest = arm.title.removeprefix(Arm("none").title)
    return f"with {rest[3:]}" if rest.startswith(" + ") else f"without normalization{rest}"


def _title(arm: Arm) -> str:
    return arm.title.replace("BatchNorm, L", "BatchNorm L")  # its comma would be lost in a list of arms


def listed(parts: Sequence[Sequence[Piece]]) -> list[Piece]:
    """Pieces joined by commas, with `and` before the last."""
    joined: list[Piece] = []
    for place, part in enumerate(parts):
        joined += [" and " if place == len(parts) - 1 else ", "] if place else []
        joined += part
    return joined
