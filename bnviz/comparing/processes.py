"""Runs on all cores: a process each, with one torch thread, that ends with the comparison."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, NamedTuple

import cloudpickle
import torch
from loky import ProcessPoolExecutor, cpu_count

from bnviz.comparing.running import Race, Run
from bnviz.leash import be_a_helper


class Job(NamedTuple):
    """What one run is to train."""

    variant: str
    learning_rate: float
    seed: int


def run_all(race: Race, jobs: Sequence[Job], processes: int | None) -> Iterator[Run]:
    """Every run as it ends, in no order; one process runs them here. All cores where `processes` is None.

    Errors: ValueError for a race that cannot be sent to a process.
    """
    count = min(processes or cpu_count(), len(jobs))
    return _here(race, jobs) if count == 1 else _elsewhere(race, jobs, count)


def _here(race: Race, jobs: Sequence[Job]) -> Iterator[Run]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for job in jobs:
            yield race.run(*job)
    finally:
        torch.set_num_threads(threads)


def _elsewhere(race: Race, jobs: Sequence[Job], count: int) -> Iterator[Run]:
    try:
        parcel = cloudpickle.dumps(race)
    except Exception as error:
        raise ValueError(
            f"The model's function or the data cannot be sent to another process ({type(error).__name__}: {error}); "
            "jobs=1 trains in this one."
        ) from error
    # loky's processes do not run the caller's script again, as those of the standard library would.
    pool = ProcessPoolExecutor(count, initializer=_begin, initargs=(parcel, list(sys.path), os.getpid()))
    try:
        pending: dict[Future[Run], Job] = {pool.submit(_run, *job): job for job in jobs}
        for future in as_completed(pending):
            try:
                yield future.result()
            except BrokenProcessPool:
                yield Run(*pending[future], error="a process that trains died, perhaps for lack of memory")
    finally:
        pool.shutdown(wait=True, kill_workers=True)


_race: Race | None = None


def _begin(parcel: bytes, path: list[str], parent: int) -> None:
    """In a new process."""
    global _race
    be_a_helper(path, parent)
    torch.set_num_threads(1)
    _race = cloudpickle.loads(parcel)


def _run(*job: Any) -> Run:
    assert _race is not None
    return _race.run(*job)
