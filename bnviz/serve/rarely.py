"""A warning that anyone can bring about, said so seldom that nobody fills the log with it."""

from __future__ import annotations

import logging
import threading
import time

EVERY_SECONDS = 60.0
"""A warning is not said again sooner."""


class Rarely:
    """One warning; says how often it was due since it was last said. Thread-safe.

    What a client has sent has no place in it: that may be a key, or made to look like a line of the log.
    """

    def __init__(self, log: logging.Logger, text: str) -> None:
        self._log, self._text = log, text
        self._lock = threading.Lock()
        self._due, self._said_at = 0, -EVERY_SECONDS

    def warn(self) -> None:
        """It is due."""
        with self._lock:
            self._due += 1
            if time.monotonic() - self._said_at < EVERY_SECONDS:
                return
            due, self._due, self._said_at = self._due, 0, time.monotonic()
        self._log.warning("%s (%d since this was last said)", self._text, due)
