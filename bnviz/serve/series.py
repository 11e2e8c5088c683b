"""What changes less often than the charts by layer, and when it is made anew for whom."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Literal

from bnviz.charts.scene import View

SERIES_EVERY = 0.33
"""Seconds between updates of the charts over steps, of the sentence and of the timeline."""
AT_REST = 1.0
"""The same for who looks at a step in the past, where these charts hardly change, and drawing them holds up a drag."""
Lead = tuple[View, int | None]
"""A view, and the step looked at; None: the newest."""
Due = Literal["all", "step", ""]
"""What to make: all, what moves with the step looked at, or nothing."""


@dataclass(frozen=True, eq=False)
class Series:
    """What changes a few times a second: the charts over steps, the sentence, the timeline.

    Of a step in the past it is all figures, as none comes with each message.
    """

    figures: dict[str, Any]
    extras: dict[str, Any]
    whole: bool = True
    """Whether all is in it; else it is what moves with the step looked at, and the rest is owed."""
    at: float = field(default_factory=time.monotonic)
    """When it was made."""


class Made:
    """The series last made for each view and step.

    A step in the past that is new, as while the timeline is dragged, brings what moves with it alone; the rest
    follows once it is looked at for a while.
    """

    def __init__(self) -> None:
        self._of: dict[Lead, Series] = {}

    def __getitem__(self, lead: Lead) -> Series:
        return self._of[lead]

    def __setitem__(self, lead: Lead, series: Series) -> None:
        self._of[lead] = series

    @property
    def owing(self) -> bool:
        """Whether of some step there is more to come, even if nothing new is heard."""
        return any(not series.whole for series in self._of.values())

    def due(self, lead: Lead, training: bool) -> Due:
        """What to make for a view and step; a run that trains is told of often, one that rests each time."""
        known, past = self._of.get(lead), lead[1] is not None
        if known is None:
            return "step" if past else "all"
        old = time.monotonic() - known.at >= (AT_REST if past else SERIES_EVERY)
        return "all" if old or (known.whole and not training) else ""

    def forget(self) -> None:
        """Let go of what nobody looks at any more."""
        now = time.monotonic()
        self._of = {lead: series for lead, series in self._of.items() if now - series.at < 3 * AT_REST}
