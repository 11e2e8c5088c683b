"""Scales: what axis a quantity is drawn on, by layer and over steps, and how its numbers are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from bnviz.charts.look import decades, exponents, log_axis, nice_above
from bnviz.frames import Floats

Axis = dict[str, Any]


class Scale(Protocol):
    """How the values of a quantity are laid out. Values may hold NaN and infinities, in any shape."""

    @property
    def number(self) -> str:
        """How a number is written, in d3's terms."""

    def by_layer(self, recent: Floats) -> Axis:
        """Range and ticks of the horizontal axis of a profile, for all recent values."""

    def over_steps(self, values: Floats) -> Axis:
        """Range and ticks of the vertical axis of a chart over steps, for all its values."""

    def places(self, values: Floats, recent: Floats) -> Floats:
        """Where on the profile's axis values are drawn."""


@dataclass(frozen=True)
class Linear:
    """From 0 up; what is far above the usual leaves the picture."""

    number = ".3~g"

    def by_layer(self, recent: Floats) -> Axis:
        """As `Scale`."""
        finite = recent[np.isfinite(recent)]
        usual = float(np.percentile(finite, 90)) if finite.size else 0.0
        top = nice_above(min(float(finite.max(initial=0.5)), 4 * max(0.5, usual)))
        return {"range": [-0.03 * top, 1.05 * top], "nticks": 4}

    def over_steps(self, values: Floats) -> Axis:
        """As `Scale`."""
        finite = values[np.isfinite(values)]
        usual = float(np.percentile(finite, 98)) if finite.size else 0.0
        top = nice_above(max(min(float(finite.max(initial=0)), 2 * usual), 0.1))
        return {"range": [-0.03 * top, top], "nticks": 4}

    def places(self, values: Floats, recent: Floats) -> Floats:
        """As `Scale`."""
        return values


@dataclass(frozen=True)
class Log(Linear):
    """By powers of ten."""

    zeros: bool = False
    """Whether a profile has a place for exact zeros, left of all else."""

    def by_layer(self, recent: Floats) -> Axis:
        """As `Scale`."""
        low, high = decades(recent)
        return {"type": "log", **log_axis(low - 0.8 * self.zeros, high + 0.1)}

    def over_steps(self, values: Floats) -> Axis:
        """As `Scale`."""
        return {"type": "log", **log_axis(*decades(values), 3)}

    def places(self, values: Floats, recent: Floats) -> Floats:
        """Zeros lie between two decades, so that no label can be taken for their value."""
        low, _ = decades(recent)
        return np.where(values == 0, 10.0 ** (low - 0.6) if self.zeros else np.nan, values)


@dataclass(frozen=True)
class Exponent(Linear):
    """Linear, for what is a logarithm to base 10 already."""

    def by_layer(self, recent: Floats) -> Axis:
        """As `Scale`."""
        return exponents(recent)

    def over_steps(self, values: Floats) -> Axis:
        """As `Scale`."""
        return exponents(values)


@dataclass(frozen=True)
class Share(Linear):
    """From 0 to 1, in percent."""

    number = ".1%"

    def by_layer(self, recent: Floats) -> Axis:
        """As `Scale`."""
        return {"range": [-0.03, 1.03], "tickvals": [0, 0.5, 1], "tickformat": ".0%"}

    def over_steps(self, values: Floats) -> Axis:
        """As `Scale`."""
        return self.by_layer(values)


@dataclass(frozen=True)
class Cosine(Linear):
    """From 0 to 1; from -1 where there is anything below 0."""

    def by_layer(self, recent: Floats) -> Axis:
        """As `Scale`."""
        return {"range": [(-1.0 if (recent < 0).any() else 0.0) - 0.04, 1.04], "dtick": 0.5}

    def over_steps(self, values: Floats) -> Axis:
        """As `Scale`."""
        return self.by_layer(values)


LINEAR, LOG, LOG_AND_ZERO, EXPONENT, SHARE, COSINE = Linear(), Log(), Log(zeros=True), Exponent(), Share(), Cosine()
