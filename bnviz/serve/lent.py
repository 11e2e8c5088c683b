"""Recordings from the shelf, and overlays of them, that are there until nobody watches them any more."""

from __future__ import annotations

import threading

from bnviz.source import Kept

MOST = 24
"""As many at once; each takes as much memory as a `History`."""
FORGET_SECONDS = 900.0
"""One that nobody has watched for so long is forgotten; its file stays."""
LINGER_SECONDS = 10.0
"""The same where there is no room for another: long enough for a page to load."""


class Lent:
    """What is there for now; thread-safe."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}
        self._lock = threading.RLock()

    def get(self, source_id: str) -> Kept | None:
        """What has this id, or None."""
        with self._lock:
            return self._kept.get(source_id)

    def all(self) -> tuple[Kept, ...]:
        """Everything, the one longest alone first."""
        with self._lock:
            return tuple(sorted(self._kept.values(), key=lambda each: -each.alone_for))

    def add(self, kept: Kept) -> Kept:
        """Make a recording watchable for now. Errors: ValueError, in one sentence, where there is no room for it."""
        with self._lock:
            self.tidy(MOST - 1)
            if len(self._kept) < MOST:
                self._kept[kept.id] = kept
                return kept
        kept.close()
        raise ValueError(f"{MOST} recordings are being watched here already; please try again in a minute.")

    def tidy(self, most: int = MOST) -> None:
        """Forget what nobody watches any more, sooner where there are more than so many."""
        with self._lock:
            surplus = len(self._kept) - most
            gone = [each for place, each in enumerate(self.all())
                    if each.alone_for > (LINGER_SECONDS if place < surplus else FORGET_SECONDS)]  # fmt: skip
            for each in gone:
                del self._kept[each.id]
        for each in gone:
            each.close()
