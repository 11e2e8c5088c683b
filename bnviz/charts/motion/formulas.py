"""Formulas as MathML, in nested lists: the tag, then its children, each a list or a text."""

from __future__ import annotations

import math
import re

Node = list["Node | str"]

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_NUMBER = re.compile(r"−?[0-9.]+(×10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?|−?∞")
_OPERATORS = frozenset("=+−·(),→∑|≈∈/⟂…∇∠<>:←")


def formula(*parts: Node | str | float) -> Node:
    """A line: numbers, nodes, and text whose words are symbols (`z`, `x_i`, `x̂`), operators and numbers."""
    return ["mrow", *(node for part in parts for node in _nodes(part))]


def told(value: float, digits: int = 3) -> str:
    """So many significant digits, with a power of ten below 0.001 and from 10000 on; a proper minus sign.

    >>> told(-0.12345), told(0.00012345), told(1234.5)
    ('−0.123', '1.23×10⁻⁴', '1234')
    """
    if math.isnan(value):
        return "unknown"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0 or 1e-3 <= abs(value) < 100:
        text = f"{value:.{digits}g}"
    elif 100 <= abs(value) < 1e4:
        text = f"{value:.{max(0, digits - 3)}f}"
    else:
        mantissa, power = f"{value:.{digits - 1}e}".split("e")
        text = f"{mantissa}×10{str(int(power)).translate(_SUPERSCRIPT)}"
    return text.replace("-", "−")


def percent_of(share: float) -> str:
    """A share in percent."""
    return "none" if math.isnan(share) else f"{100 * share:.3g} %"


def fraction(top: Node | str | float, bottom: Node | str | float) -> Node:
    """One above the other."""
    return ["mfrac", formula(top), formula(bottom)]


def root(*parts: Node | str | float) -> Node:
    """A square root."""
    return ["msqrt", formula(*parts)]


def slope(of: str, by: str) -> Node:
    """A partial derivative."""
    return fraction(f"∂ {of}", f"∂ {by}")


def total(index: str) -> Node:
    """A sum over an index."""
    return ["munder", ["mo", "∑"], ["mi", index]]


def signed(value: float) -> str:
    """A number that is added: its sign, a space, its size."""
    return f"{'−' if value < 0 else '+'} {told(abs(value))}"


def bracketed(value: float) -> str:
    """A number that is multiplied: in brackets where it has a sign."""
    return f"( {told(value)} )" if value < 0 else told(value)


def _nodes(part: Node | str | float) -> list[Node]:
    if isinstance(part, list):
        return [part]
    if not isinstance(part, str):
        return [["mn", told(part)]]
    return [_symbol(word) for word in part.split()]


def _symbol(word: str) -> Node:
    if word in _OPERATORS:
        return ["mo", word]
    if _NUMBER.fullmatch(word):
        return ["mn", word]
    base, _, index = word.partition("_")
    if index:
        return ["msub", _symbol(base), ["mi", index]]
    if word.endswith("²"):
        return ["msup", _symbol(word[:-1]), ["mn", "2"]]
    if word == "x̂":
        return ["mover", ["mi", "x"], ["mo", "^"]]
    return ["mi", word] if len(word) <= 2 else ["mtext", word]
