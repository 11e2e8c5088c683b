"""The frames of a run in bounded memory: thinned evenly in log time, early steps kept."""

from __future__ import annotations

import pickle
import threading
import time
import zlib

import numpy as np

from bnviz.frames import Event, Frame, quantities

MAX_BYTES = 48_000_000
MAX_STEPS = 600
MIN_STEPS = 100
LINEAR_STEPS = 100.0
"""Below about this step, time is counted linearly: log(step + LINEAR_STEPS)."""


class History:
    """Measured steps and events, oldest first; thread-safe.

    Holds as many steps as fit in `MAX_BYTES`, `most` of them at most. Past that, each new step drives out the one
    whose neighbours are nearest to each other in log time, so that early steps stay; the first and the newest
    are never dropped.
    """

    def __init__(self, most: int = MAX_STEPS) -> None:
        self._steps: list[tuple[Frame, ...]] = []
        self._folded = b""  # the steps before these, while nobody looks
        self._events: list[Event] = []
        self._most = self._limit = most
        self.added_at: float | None = None
        """When the newest step came, by `time.monotonic`."""
        self._lock = threading.Lock()

    @property
    def latest(self) -> tuple[Frame, ...] | None:
        """The frames of the newest step."""
        return self._steps[-1] if self._steps else None

    def add(self, frames: tuple[Frame, ...]) -> None:
        """Append the frames of a step."""
        with self._lock:
            self._unfold()
            if not self._steps or len(frames) != len(self._steps[-1]):
                self._limit = min(int(np.clip(MAX_BYTES / _size(frames), MIN_STEPS, MAX_STEPS)), self._most)
            self._steps.append(frames)
            self.added_at = time.monotonic()
            while len(self._steps) > self._limit:
                times = np.log([each[0].step + LINEAR_STEPS for each in self._steps])
                del self._steps[1 + int(np.argmin(times[2:] - times[:-2]))]

    def add_event(self, event: Event) -> None:
        """Append an event; at a rewind, forget what is told anew."""
        with self._lock:
            self._unfold()
            if event.kind == "rewind":
                self._steps = [frames for frames in self._steps if frames[0].step < event.step]
                self._events = []
            else:
                self._events.append(event)

    def snapshot(self) -> tuple[list[tuple[Frame, ...]], list[Event]]:
        """Copies of the lists of steps and of events."""
        with self._lock:
            self._unfold()
            return list(self._steps), list(self._events)

    def nearest(self, step: int) -> tuple[Frame, ...] | None:
        """The frames of the kept step nearest to `step`."""
        with self._lock:
            self._unfold()
            return min(self._steps, key=lambda frames: abs(frames[0].step - step), default=None)

    def moved(self, step: int | None, by: int) -> int | None:
        """The kept step `by` places after the one nearest to `step`; None stands for the newest, and beyond it."""
        with self._lock:
            self._unfold()
            known = [frames[0].step for frames in self._steps]
        if not known:
            return None
        here = len(known) - 1 if step is None else min(range(len(known)), key=lambda place: abs(known[place] - step))
        place = max(0, here + by)
        return known[place] if place < len(known) - 1 else None

    def fold(self) -> bool:
        """Hold all but the newest step in one compressed piece until somebody asks; whether there was any to fold.

        As thirty small arrays a frame takes three times the room, spread over all of the process's memory.
        """
        with self._lock:
            *before, newest = self._steps or [()]
            if before:
                self._folded, self._steps = zlib.compress(pickle.dumps(before, pickle.HIGHEST_PROTOCOL), 1), [newest]
            return bool(before)

    def _unfold(self) -> None:
        if self._folded:
            self._steps[:0] = pickle.loads(zlib.decompress(self._folded))
            self._folded = b""


def _size(frames: tuple[Frame, ...]) -> int:
    """Bytes that the frames of a step take."""
    first = frames[0]
    return len(frames) * sum(np.asarray(getattr(first, q.name)).nbytes for q in quantities(len(first.layers)))
