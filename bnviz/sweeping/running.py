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
from bnviz.sweeping.cell import Keep, Outcome, run_cell
from bnviz.sweeping.plan import Cell

TRIES = 3
"""A cell whose process has died is begun so often."""
AHEAD = 2
"""Cells that an executor is given for each of its workers: one is trained, and one waits, so that none is idle."""
DIED = "its process died {} times, perhaps for want of memory"


def run_all(
    cells: Sequence[Cell], keep: Keep, executor: Executor | None, jobs: int | None
) -> Iterator[tuple[Cell, Outcome]]:
    """Every cell with its outcome as it ends, in no order.

    executor: any; None takes a pool of processes, `jobs` of them (None: a core each), begun anew when it breaks.
    Errors: BrokenExecutor when one that was given breaks.
    """
    known = jobs or cpu_count() if executor is None else getattr(executor, "_max_workers", None)
    workers = known or len(cells)  # a cluster's may come and go: it gets all that there is
    waiting, tries = deque(cells), dict.fromkeys(cells, 0)
    pool: Any = executor or _pool(workers)
    running: dict[Future[Outcome], Cell] = {}
    try:
        while waiting or running:
            while waiting and len(running) < (1 if tries[waiting[0]] else AHEAD * workers):  # who is suspected, alone
                cell = waiting.popleft()
                running[pool.submit(run_cell, cell.config.to_query(), keep)] = cell
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            broken = False
            for future in done:
                cell = running.pop(future)
                outcome = _outcome(future)
                if outcome is not None:
                    yield cell, outcome
                    continue
                if executor is not None:
                    future.result()  # raises: it takes no further cells
                broken, tries[cell] = True, tries[cell] + 1
                if tries[cell] < TRIES:
                    waiting.append(cell)
                else:
                    yield cell, Outcome(error=DIED.format(TRIES))
            if broken:
                waiting.extend(running.values())
                running = {}
                pool.shutdown(wait=True, kill_workers=True)
                pool = _pool(workers)
    finally:
        for future in running:
            future.cancel()
        if executor is None:
            pool.shutdown(wait=True, kill_workers=True)


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
