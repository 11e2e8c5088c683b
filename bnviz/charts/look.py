"""How charts look: the one palette, in light and dark, and the plain dicts every figure is made of."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Theme = Literal["light", "dark"]
Figure = dict[str, Any]

_ALIKE = str.maketrans("<>&%{}", "‹›＆％❴❵")

READABLE = 18
"""Size of type, in pixels, that is read from the back of a room; in Present nothing is smaller."""


@dataclass(frozen=True)
class Colors:
    """The colours of one theme."""

    background: str
    text: str
    quiet: str
    grid: str
    line: str
    arms: tuple[str, ...]

    def arm(self, index: int) -> str:
        """The colour of an arm, by its place among the arms."""
        return self.arms[index % len(self.arms)]

    def of(self, places: Sequence[int]) -> Colors:
        """The same, with the colours of the arms at these places, in this order."""
        return replace(self, arms=tuple(map(self.arm, places)) or self.arms)


# Orange and blue first, as in the pictures of the design; then colours that stay apart from these and from each other
# for every kind of colour blindness (by lightness as well as hue), each to be read as text on its background.
PALETTE: dict[str, Colors] = {
    "light": Colors(
        "#FFFFFF", "#1F2933", "#616C76", "#E9ECEF", "#C9CED3",
        ("#C2501A", "#1F62BE", "#1F4A2B", "#93338A", "#8E7048", "#1F1A9E"),
    ),
    "dark": Colors(
        "#0F1418", "#E6EAEE", "#94A0AB", "#232B32", "#3C464F",
        ("#FF9A5C", "#6AAEFF", "#18F0B2", "#F2578F", "#FFCE24", "#D3B8E2"),
    ),
}  # fmt: skip
SIGNS = {"circle": "●", "square": "■", "triangle-up": "▲", "diamond": "◆", "cross": "✚", "x": "✖"}
"""The markers of the networks, in their order, as Plotly names them and as text has them: what tells lines that cross
apart without their colour."""


def marker(arm: int) -> str:
    """The marker of an arm, by its place among the arms."""
    return [*SIGNS][arm % len(SIGNS)]


def sign(arm: int) -> str:
    """The same, as a character."""
    return SIGNS[marker(arm)]


def translucent(color: str, opacity: float) -> str:
    """A `#RRGGBB` colour as `rgba(...)`."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def encode(array: ArrayLike) -> dict[str, str]:
    """An array as Plotly's typed array: base64 of its bytes, far smaller than JSON."""
    values = np.ascontiguousarray(array)
    values = values.astype(values.dtype.newbyteorder("<"), copy=False)
    encoded = {"dtype": values.dtype.str[1:], "bdata": base64.b64encode(values.tobytes()).decode()}
    if values.ndim > 1:
        encoded["shape"] = ",".join(str(n) for n in values.shape)
    return encoded


def floats(values: ArrayLike) -> dict[str, str]:
    """Numbers as an encoded float32 array; what is not finite, or too large, becomes a gap."""
    array = np.asarray(values, np.float64)
    gaps = ~(np.abs(array) < 1e37)  # also True for NaN
    return encode(np.where(gaps, np.nan, array).astype(np.float32))


def axis(colors: Colors, size: float, **changes: Any) -> dict[str, Any]:
    """An axis in the common style: a thin line, a faint grid, small grey labels."""
    powers = changes.get("type") == "log" and size < READABLE  # exponents are smaller than the rest
    # Plotly writes powers of ten a quarter larger than other labels.
    font = {"size": size / 1.25 if powers else size, "color": colors.quiet}
    style = {
        "showline": True, "linecolor": colors.line, "linewidth": 1, "gridcolor": colors.grid,
        "zeroline": False,
        "tickfont": font, "ticks": "", "fixedrange": False, "automargin": False, "autorange": False,
        "ticklabeloverflow": "allow", "tickangle": 0,
    }  # fmt: skip
    if changes.get("type") == "log":
        style |= {"exponentformat": "power" if powers else "e", "dtick": 1, "minor": {"showgrid": False}}
    return style | changes


def layout(colors: Colors, size: float, margin: Sequence[int], **changes: Any) -> dict[str, Any]:
    """A layout in the common style; margin is left, right, top, bottom."""
    left, right, top, bottom = margin
    return {
        "margin": {"l": left, "r": right, "t": top, "b": bottom, "pad": 0},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": size, "color": colors.text},
        "showlegend": False,
        "hovermode": "closest",
        "hoverlabel": {
            "bgcolor": colors.background,
            "align": "left",
            "font": {"size": size + 1, "color": colors.text},
        },
        "autosize": True,
        **changes,
    }


def nice_above(value: float) -> float:
    """The next round number at or above a positive value, at most a third above it."""
    if not value > 0 or not np.isfinite(value):
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    steps = np.array([1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10])
    return float(power * steps[np.searchsorted(steps, value / power * (1 - 1e-9))])


def decades(values: ArrayLike, least: int = 2) -> tuple[int, int]:
    """Whole decades that hold all positive values, at least so many: exponents of the first and the last."""
    array = np.asarray(values, np.float64)
    positive = np.log10(array[(array > 0) & np.isfinite(array)])
    if not positive.size:
        return -least, 0
    low, high = int(np.floor(positive.min())), int(np.ceil(positive.max()))
    return min(low, high - least), high


def exponents(values: ArrayLike, around: float = -3.0) -> dict[str, Any]:
    """Range and ticks of an axis of powers of ten, given as logarithms; it shows `around`, and a decade either side."""
    array = np.asarray(values, np.float64)
    finite = array[np.isfinite(array)]
    low = min(float(np.floor(finite.min(initial=around))), around - 1)
    high = max(float(np.ceil(finite.max(initial=around))), around + 1)
    return {"range": [low, high], "dtick": max(1, int(np.ceil((high - low) / 4)))}


def log_axis(low: float, high: float, labels: int = 4) -> dict[str, Any]:
    """Range and ticks of a log axis over these decades, with so many labels at most."""
    return {"range": [low, high], "dtick": max(1, int(np.ceil((high - low) / labels)))}


def hull(ranges: NDArray[np.float64]) -> tuple[float, float]:
    """A round interval that holds ranges, given as (..., 2), but no more than is readable.

    A range that is many times wider than the middle one would press all others into a line, so the interval
    ends two middle widths beyond the middle range; the share that lies outside is stated beside the chart.
    """
    known = ranges.reshape(-1, 2)
    known = known[np.isfinite(known).all(axis=1) & (known[:, 1] > known[:, 0])]
    if not known.size:
        return -4.0, 4.0
    low, high = np.median(known, axis=0)
    reach = 2 * (high - low)
    low, high = max(known[:, 0].min(), low - reach), min(known[:, 1].max(), high + reach)
    step = nice_above((high - low) / 10)
    return float(np.floor(low / step + 1e-6) * step), float(np.ceil(high / step - 1e-6) * step)


def plain(name: str) -> str:
    """A name from elsewhere as text of a chart: what Plotly would take for its own becomes what looks alike."""
    return name.translate(_ALIKE)
