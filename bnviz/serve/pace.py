"""How a process keeps to a pace, and to its share of a core."""

from __future__ import annotations

import time

TURN = 0.1
"""Seconds that a process rests at least when it is ahead of its share: it works for a while, then others do."""
BEHIND = 1.0
"""Seconds of waiting for a core that a process may catch up on, at most."""


class Pace:
    """When a process that works step by step may make the next one."""

    def __init__(self) -> None:
        self._interval, self._share = 0.0, 1.0
        self._free_at = 0.0
        self._due = 0.0  # when the work done so far would have been done, evenly spread

    @property
    def interval(self) -> float:
        """Seconds a step has to take at least; 0: full speed."""
        return self._interval

    @property
    def wait(self) -> float:
        """Seconds until the next step may be made."""
        return max(0.0, self._free_at - time.monotonic())

    def change(self, interval: float | None = None, share: float | None = None) -> None:
        """Go at another pace, from now on. share: of a core's time; 1 is all of it."""
        self._interval = self._interval if interval is None else float(interval)
        self._share = self._share if share is None else float(share)
        self._free_at = 0.0

    def worked(self, began: float, seconds: float) -> None:
        """A step that began then took so many seconds of a core."""
        self._free_at = began + self._interval
        if self._share < 1:
            now = time.monotonic()
            self._due = max(self._due, now - BEHIND) + seconds / self._share
            if self._due - now > TURN:
                self._free_at = max(self._free_at, self._due)
