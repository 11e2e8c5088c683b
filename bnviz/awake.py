"""A clock that stands still while this process does: for what is ended when nobody has cared for so long."""

from __future__ import annotations

import threading
import time

ASLEEP_SECONDS = 30.0
"""Who was not asked for so long was asleep: a server asks every second."""


class AwakeClock:
    """Seconds without those that the machine slept, or this process was stopped; thread-safe.

    It is noticed when nobody has asked for long. time.monotonic() goes on meanwhile, on some systems.
    """

    def __init__(self) -> None:
        self._asked = time.monotonic()
        self._slept = 0.0
        self._lock = threading.Lock()

    def now(self) -> float:
        """The time on this clock."""
        with self._lock:
            before, self._asked = self._asked, time.monotonic()
            if self._asked - before > ASLEEP_SECONDS:
                self._slept += self._asked - before
            return self._asked - self._slept


_clock = AwakeClock()
now = _clock.now
"""The time on the clock of this process."""
