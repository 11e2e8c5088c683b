"""What a viewer chose to see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from bnviz.charts.look import Theme

Values = Literal["preactivation", "input"]
Shift = Literal["relative", "l2", "cosine"]
LONGEST = 40
"""Characters of a name that a client may send."""
MOST_CHARTS = 99
"""Charts of a tab that can be asked for alone: their number has two digits at most."""


@dataclass(frozen=True)
class View:
    """What a viewer chose; nothing of it is in `RunConfig`."""

    values: Values = "preactivation"
    ics: Shift = "relative"
    layer: int | None = None
    """Weight layer (from 0) drawn over steps; None: first layer for gradients, else the last hidden layer."""
    theme: Theme = "light"
    present: bool = False
    """Large type, to be read from the back of a room."""
    stacked: bool = False
    """Charts stand one under another, on a narrow screen: each names its layers."""
    net: int | None = None
    """Place of the network seen close by; None: the first with BatchNorm, or else the first."""
    unit: int = 0
    """Unit of the layer seen close by."""
    stage: int = 0
    """Stage of the update seen close by."""
    tab: str = "layers"
    """Name of a `charts.TABS`."""
    log_steps: bool = False
    """Steps are drawn on a logarithmic axis, since so much happens early."""
    large: int | None = None
    """Place of the one chart that is drawn, from 1 in reading order; None: all of the tab."""
    ask: str = ""
    """The question that is to be answered, in short, as `lessons.question.from_code` reads it; empty: none."""
    until: int | None = None
    """The step at which it is answered; None: the newest."""
    solo: int | None = None
    """Place of the only network that is drawn; None: all are."""
    away: bool = False
    """Something else is looked at: the run's status is sent, and no charts."""

    @classmethod
    def from_dict(cls, given: Any) -> View:
        """The view a client asked for; what is unknown or not allowed falls back to the default."""
        given = given if isinstance(given, Mapping) else {}
        choices = {"values": Values, "ics": Shift, "theme": Theme}
        # Compared one by one because what a client sends need not be hashable.
        known: dict[str, Any] = {
            name: given[name]
            for name, allowed in choices.items()
            if any(given.get(name) == choice for choice in get_args(allowed))
        }
        if isinstance(given.get("tab"), str):
            known["tab"] = given["tab"][:LONGEST]
        if isinstance(given.get("ask"), str):
            known["ask"] = given["ask"][:LONGEST]
        mosts = {"layer": 1000, "solo": 100, "net": 100, "unit": 100_000, "stage": 100, "until": 10_000_000}
        for name, most in mosts.items():
            place = given.get(name)
            if isinstance(place, int) and not isinstance(place, bool) and 0 <= place < most:
                known[name] = place
        large = given.get("large")
        if isinstance(large, int) and not isinstance(large, bool) and 1 <= large <= MOST_CHARTS:
            known["large"] = large
        names = ("present", "stacked", "log_steps", "away")
        flags: dict[str, Any] = {name: given.get(name) is True for name in names}
        return cls(**known, **flags)
