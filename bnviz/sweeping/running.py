"""Cells on an executor: a few at a time, so that a death costs only those that were at it."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from typing import Any

from loky import ProcessPoolExecutor, cpu_count

from bnviz.leash import be_a_helper
from bnviz.models.copies import told
from bnviz.sweeping.cell import run_cell
from bnviz.sweeping.outcome import Keep, Outcome
from bnviz.sweeping.plan import Cell

TRIES = 3
"""A cell whose process has died is begun so often."""
AHEAD = 2
"""Cells that an executor is given for each of its workers: one is trained, and one waits, so that none is idle."""
DIED = f"its process died {TRIES} times, perhaps for want of memory"


def run_all(
    cells: Sequence[Cell], keep: Keep, executor: Executor | None, jobs: int | None
) -> Iterator[tuple[Cell, Outcome]]:
    """Every cell with its outcome as it ends, in no order.

    executor: any; None takes a pool of processes, `jobs` of them (None: a core each), begun anew when it breaks.
    Errors: BrokenExecutor when one that was given breaks.
    """
    known = jobs or cpu_count() if executor is None else getattr(executor, "_max_workers", None)
    workers = known or len(cells)  # a cluster's may come and go: it gets all that there is
    pool: Any = executor or _pool(workers)
    dealt = _Dealt(cells, keep, AHEAD * workers)
    try:
        while dealt.left:
            dealt.submit(pool)
            yield from dealt.ended()
            if dealt.broken:
                if executor is not None:
                    raise BrokenExecutor("The executor has broken: it takes no further runs.")
                yield from dealt.begin_again()
                pool.shutdown(wait=True, kill_workers=True)
                pool = _pool(workers)
    finally:
        dealt.cancel()
        if executor is None:
            pool.shutdown(wait=True, kill_workers=True)


class _Dealt:
    """Cells that wait, that an executor has, and whose process has died."""

    def __init__(self, cells: Sequence[Cell], keep: Keep, most: int) -> None:
        self._waiting, self._tries = deque(cells), dict.fromkeys(cells, 0)
        self._keep, self._most = keep, most
        self._running: dict[Future[Outcome], Cell] = {}
        self._died: list[Cell] = []

    @property
    def left(self) -> bool:
        """Whether any is still to end."""
        return bool(self._waiting or self._running)

    @property
    def broken(self) -> bool:
        """Whether somebody died, and the executor with it."""
        return bool(self._died)

    def submit(self, executor: Executor) -> None:
        """Have as many run as may; who is suspected of a death runs alone."""
        while self._waiting and len(self._running) < (1 if self._tries[self._waiting[0]] else self._most):
            try:
                future = executor.submit(run_cell, self._waiting[0].config.to_query(), self._keep)
            except BrokenExecutor:
                if not self._running:
                    raise
                return  # those that it had are about to say so
            self._running[future] = self._waiting.popleft()

    def ended(self) -> Iterator[tuple[Cell, Outcome]]:
        """Wait for one at least."""
        for future in wait(self._running, return_when=FIRST_COMPLETED).done:
            cell, outcome = self._running.pop(future), _outcome(future)
            if outcome is not None:
                yield cell, outcome
            else:
                self._died.append(cell)

    def begin_again(self) -> Iterator[tuple[Cell, Outcome]]:
        """For a new executor: all that the old one had wait once more; who has died too often has ended."""
        self._waiting.extend(self._running.values())
        self._running.clear()
        while self._died:
            cell = self._died.pop()
            self._tries[cell] += 1
            if self._tries[cell] < TRIES:
                self._waiting.append(cell)
            else:
                yield cell, Outcome(error=DIED)

    def cancel(self) -> None:
        """What has not begun, does not."""
        for future in self._running:
            future.cancel()


def _outcome(future: Future[Outcome]) -> Outcome | None:
    """None: whoever was at it has died, and the pool with it."""
    try:
        return future.result()
    except BrokenExecutor:
        return None
    except Exception as error:  # noqa: BLE001  somebody's executor may fail as it likes; Dask tells of workers that died
        return Outcome(error=told(error))


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, initializer=be_a_helper, initargs=(list(sys.path), os.getpid()))
