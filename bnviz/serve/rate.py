"""Steps a second, as they arrive."""

from __future__ import annotations

import threading
import time
from collections import deque


class Rate:
    """Of the last measured steps; thread-safe."""

    def __init__(self) -> None:
        self._arrivals: deque[tuple[float, int]] = deque(maxlen=30)
        self._lock = threading.Lock()

    @property
    def now(self) -> float:
        """Steps a second; 0 where that is not known yet."""
        with self._lock:
            if len(self._arrivals) < 2:
                return 0.0
            (t0, s0), (t1, s1) = self._arrivals[0], self._arrivals[-1]
        return (s1 - s0) / (t1 - t0) if t1 > t0 else 0.0

    def count(self, step: int) -> None:
        """A measured step has arrived."""
        with self._lock:
            if self._arrivals and self._arrivals[-1][1] >= step:  # it went back
                self._arrivals.clear()
            self._arrivals.append((time.monotonic(), step))

    def restart(self) -> None:
        """From here on it goes at another pace."""
        with self._lock:
            self._arrivals.clear()
