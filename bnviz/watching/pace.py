"""When a watched loop is measured, what that may cost, and what it did cost."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

ICS_SHARE = 0.01
"""Unless it is told how often, ICS takes at most this share of the time since the first step ..."""
ICS_GRACE = 3.0
"""... beside so many seconds, so that a short loop has it in every frame."""


class Pace:
    """Every `every`-th step is measured, or fewer to keep within a budget; ICS as often, or less.

    ics_every: steps from one measurement of ICS to the next; None: as often as `ICS_SHARE` and `ICS_GRACE` allow.
    budget: the share of the time that measuring may take; None: any.
    """

    busy = 0
    """Above 0 while any watch measures: what a loss is called with then is none of the loop's."""

    def __init__(self, every: int, ics_every: int | None, budget: float | None) -> None:
        self._every, self._ics_every, self._budget = every, ics_every, budget
        self.next = self._next_ics = 0
        self._spent = self._ics_spent = self._last_ics = 0.0
        self._started = math.nan

    @property
    def share(self) -> float:
        """Share of the time since the first step that was spent on measuring, 0..1."""
        elapsed = time.perf_counter() - self._started
        return self._spent / elapsed if elapsed > 0 else 0.0

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Time spent here is measuring's; the first such time is when the loop starts."""
        started = time.perf_counter()
        if math.isnan(self._started):
            self._started = started
        Pace.busy += 1
        try:
            yield
        finally:
            Pace.busy -= 1
            self._spent += time.perf_counter() - started

    @contextmanager
    def measuring_ics(self, step: int) -> Iterator[None]:
        """Time spent here, within `measuring`, is that of ICS."""
        started = time.perf_counter()
        self._next_ics = step + (self._ics_every or 1)
        try:
            yield
        finally:
            self._last_ics = time.perf_counter() - started
            self._ics_spent += self._last_ics

    def ics_due(self, step: int) -> bool:
        """Whether ICS is to be measured at this step, if anything is."""
        if self._ics_every is not None:
            return step >= self._next_ics
        allowed = ICS_GRACE + ICS_SHARE * (time.perf_counter() - self._started)
        return self._ics_spent + self._last_ics <= allowed

    def measured(self, step: int) -> None:
        """A step was measured; the next is after `every` steps, or more where that is needed to keep to the budget."""
        gap = self._every
        if self._budget is not None:
            training = time.perf_counter() - self._started - self._spent
            missing = self._spent / self._budget - self._spent - training
            gap = max(gap, math.ceil(missing / max(training / (step + 1), 1e-9)))
        self.next = step + gap
