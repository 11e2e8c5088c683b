"""Worker processes, none of which a run has to wait for: they are forked, or a warm one stands by (`forked.FORKS`)."""

from __future__ import annotations

import time
from collections.abc import Callable

from bnviz.serve.forked import FORKS, NURSERY
from bnviz.serve.worker import Worker

SPARES = 0 if FORKS else 1
REFILL_SECONDS = 4.0
"""A spare worker is not started sooner after a run: importing torch would hold up that run, and the page it is on."""


class Pool:
    """The workers of a hub, whose lock guards them."""

    def __init__(self) -> None:
        self.busy: set[Worker] = set()
        """Those that a run has."""
        self.warm = True
        """Whether one is to stand by."""
        self.make: Callable[[], Worker] = Worker
        """Where new ones come from."""
        self._spares: list[Worker] = []
        self._taken_at = time.monotonic()

    def __len__(self) -> int:
        """All of them."""
        return len(self.busy) + len(self._spares)

    def take(self) -> Worker:
        """A warm worker, else a new one. The newest spare is one that was just given back: the others may still be
        importing torch."""
        self._drop_the_dead()
        worker = self._spares.pop() if self._spares else self.make()
        self.busy.add(worker)
        self.warm, self._taken_at = True, time.monotonic()
        return worker

    def keep(self, worker: Worker) -> bool:
        """Whether a worker that is ready for another run stands by from now on; else it is not needed."""
        if not SPARES or len(self._spares) > SPARES:
            return False
        self._spares.append(worker)
        return True

    def refill(self) -> None:
        """Have one stand by, or the one that they are forked from, if it is time."""
        self._drop_the_dead()
        if self.warm and FORKS and self.make is Worker:
            NURSERY.start()
        if self.warm and len(self._spares) < SPARES and (not self.busy or self._quiet):
            self._spares.append(self.make())

    @property
    def _quiet(self) -> bool:
        return time.monotonic() - self._taken_at > REFILL_SECONDS

    def close(self) -> None:
        """End all of them."""
        self.warm, spares, self._spares = False, self._spares, []
        for worker in (*self.busy, *spares):
            worker.close()

    def _drop_the_dead(self) -> None:
        self._spares = [worker for worker in self._spares if worker.alive]
