"""Cells on an executor: a few at a time, so that a death costs only those that were at it."""

from __future__ import annotations

import os
import signal
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from typing import Any

from loky import ProcessPoolExecutor, cpu_count

from bnviz.leash import end_with_parent
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
                broken, tries[cell] = True, tries[cell] + 1
                if tries[cell] < TRIES:
                    waiting.append(cell)
                else:
                    yield cell, Outcome(error=DIED.format(TRIES))
            if broken and executor is None:
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
    """None: whoever was at it has died."""
    try:
        return future.result()
    except BrokenExecutor:
        return None
    except Exception as error:  # noqa: BLE001  an executor of somebody's own may fail as it likes
        if type(error).__name__ == "KilledWorker":  # Dask has tried it several times by itself
            return Outcome(error=str(error))
        return Outcome(error=f"{type(error).__name__}: {error}")


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, initializer=_begin, initargs=(list(sys.path), os.getpid()))


def _begin(path: list[str], parent: int) -> None:
    """In a new process: the same modules can be imported, and the interrupt key is for the one that waits."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(parent)  # a run for nobody would go on to its end
    sys.path[:] = path
