"""Sweeps that are trained for the page: a visitor's own, one after the other, in a process that leads others.

The child (`python -m bnviz.sweeping`) keeps each run in a folder as it ends. To pause is to end it: the next one goes
on from there, as it does when the same sweep is asked for again later, by anybody.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bnviz import awake
from bnviz.serve.admission import memory
from bnviz.serve.processes import Child, spawned
from bnviz.source import Status
from bnviz.sweeping.outcome import Outcome
from bnviz.sweeping.plan import Cell, Plan
from bnviz.sweeping.results import Sweep
from bnviz.sweeping.store import Store

MOST_RUNS = 1000
"""Of a sweep on the page; `bnviz sweep` takes more."""
MOST_TIMES = 100
"""Sweeps of which it is remembered how long they take."""
FOR_A_PROCESS = 400_000_000
"""Bytes that each process of a sweep may take."""


class Refused(ValueError):
    """A sweep that may not be trained here, in one sentence."""


class PageSweep:
    """A visitor's sweep: how far it is, and what came of its runs so far. Read from any thread."""

    def __init__(self, owner: str, plan: Plan, folder: Path) -> None:
        """Errors: OSError where the folder cannot be."""
        self.owner, self.plan = owner, plan
        self.status = Status.WAITING
        self.text = ""
        """Why it ended early, or waits."""
        self.store = Store(folder)
        self.outcomes: dict[Cell, Outcome] = {}
        """What came of a run, in the order in which they ended."""
        self.pace: tuple[float, int] | None = None
        """When it was last begun or gone on with, by `awake.now`, and how many runs had ended by then."""
        self.child: Child | None = None
        self.gather()

    @property
    def sweep(self) -> Sweep:
        """As far as it is known."""
        found = self.outcomes
        there = {cell: found[cell] for cell in self.plan.cells if cell in found}
        return Sweep(self.plan.base, self.plan.axes, there, self.store)

    @property
    def whole(self) -> bool:
        """Whether all runs have ended."""
        return len(self.outcomes) == len(self.plan.cells)

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None before anything has ended since it was begun."""
        if self.status is not Status.RUNNING or self.pace is None:
            return None
        began, before = self.pace
        ended = len(self.outcomes) - before
        left = len(self.plan.cells) - len(self.outcomes)
        return None if not ended else (awake.now() - began) / ended * left

    def gather(self) -> None:
        """Take over what is in the folder by now."""
        self.outcomes = self.outcomes | {
            cell: outcome
            for cell in self.plan.cells
            if cell not in self.outcomes and (outcome := self.store.get(cell)) is not None
        }


class Sweeps:
    """All sweeps of a server: one at a time is trained, the others wait their turn.

    folder: called for where they are kept. processes: of a sweep; 0: none are trained here. minutes: after which one
    that trains is paused; None: never.
    """

    def __init__(self, folder: Callable[[], Path]) -> None:
        self.processes = 0
        self.minutes: float | None = None
        self._folder = folder
        self._lock = threading.RLock()
        self._sweeps: dict[str, PageSweep] = {}
        self._times: dict[str, float | str] = {}
        self._timing: Child | None = None

    def of(self, owner: str) -> PageSweep | None:
        """A visitor's own."""
        return self._sweeps.get(owner)

    def start(self, owner: str, plan: Plan) -> PageSweep:
        """Have it trained, now or when those before it have ended, in the place of this visitor's last one.

        Errors: Refused; OSError.
        """
        self._check(plan)
        key = hashlib.sha256(plan.to_json().encode()).hexdigest()[:16]
        with self._lock:
            self.forget(owner)
            self._sweeps[owner] = found = PageSweep(owner, plan, self._folder() / key)
            self._begin_next()
        return found

    def _check(self, plan: Plan) -> None:
        if not self.processes:
            raise Refused("This server trains no sweeps.")
        if plan.base.model == "own":
            raise Refused("A sweep trains networks of bnviz's own; this page shows a model that its operator gave it.")
        if len(plan.cells) > MOST_RUNS:
            raise Refused(f"These are {len(plan.cells):,} runs, and a sweep on the page may have {MOST_RUNS:,}.")

    def pause(self, owner: str) -> None:
        """Train it no further for now; runs that have not ended will be begun anew."""
        self._end(owner, Status.PAUSED, "")

    def cancel(self, owner: str) -> None:
        """Train it no further; what has ended stays to be seen."""
        self._end(owner, Status.STOPPED, "Cancelled.")

    def go_on(self, owner: str) -> None:
        """Go on with one that was paused, cancelled, or has failed."""
        with self._lock:
            found = self._sweeps.get(owner)
            if found is not None and found.status in (Status.PAUSED, Status.STOPPED, Status.FAILED):
                found.status, found.text = Status.WAITING, ""
                self._sweeps[owner] = self._sweeps.pop(owner)  # behind those that wait already
                self._begin_next()

    def forget(self, owner: str) -> None:
        """End it, and show it no more; its folder stays."""
        self._end(owner, Status.STOPPED, "Cancelled.")
        with self._lock:
            self._sweeps.pop(owner, None)

    def close(self) -> None:
        """End all."""
        with self._lock:
            for owner in tuple(self._sweeps):
                self._sweeps[owner].status = Status.STOPPED  # so that none begins in the place of another
            for child in (*(each.child for each in self._sweeps.values()), self._timing):
                if child is not None:
                    child.process.kill()

    def time(self, plan: Plan) -> float | str | None:
        """Seconds that it will take, timed here and now; None while that is found out; a word where it cannot be."""
        key = plan.to_json()
        with self._lock:
            if key not in self._times and self._timing is None and self.processes:
                self._times = dict([*self._times.items()][-MOST_TIMES:])
                self._timing = child = self._child(plan, "time")
                threading.Thread(target=self._follow_timing, args=(key, child), daemon=True).start()
            return self._times.get(key)

    def _follow_timing(self, key: str, child: Child) -> None:
        lines = child.stdout.read().split()
        with self._lock:
            try:
                self._times[key] = float(lines[-1])
            except (ValueError, IndexError):
                self._times[key] = child.last_words()
            self._timing = None
        child.close()

    def _begin_next(self) -> None:
        waiting = [each for each in self._sweeps.values() if each.status is Status.WAITING]
        if not waiting or any(each.child is not None for each in self._sweeps.values()):
            for place, each in enumerate(waiting, 1):
                each.text = f"Another sweep is being trained here; this one is number {place} of those that wait."
            return
        first = waiting[0]
        if first.whole:
            first.status = Status.FINISHED
            return self._begin_next()
        first.status, first.text, first.pace = Status.RUNNING, "", (awake.now(), len(first.outcomes))
        first.child = child = self._child(first.plan, "train", str(first.store.folder))
        threading.Thread(target=self._follow, args=(first, child), daemon=True).start()
        return None

    def _child(self, plan: Plan, what: str, *more: str) -> Child:
        processes = max(1, min(self.processes, memory.available() // FOR_A_PROCESS))
        child = Child(spawned("bnviz.sweeping", what, str(processes), *more))
        with suppress(OSError):  # it has ended already, and says why
            child.stdin.write(plan.to_json().encode() + b"\n")
            child.stdin.flush()
        return child

    def _follow(self, sweep: PageSweep, child: Child) -> None:
        """Take over what ends, until the process has."""
        timer = None
        if self.minutes is not None:
            text = f"Paused: it has trained for {self.minutes:g} min, as long as a sweep may here at a time."
            timer = threading.Timer(60 * self.minutes, self._end, (sweep.owner, Status.PAUSED, text))
            timer.daemon = True
            timer.start()
        by_key = {cell.key: cell for cell in sweep.plan.cells}
        for line in child.stdout:
            cell = by_key.get(line.decode(errors="replace").strip())
            if cell is not None and (outcome := sweep.store.get(cell)) is not None:
                sweep.outcomes = {**sweep.outcomes, cell: outcome}
        if timer is not None:
            timer.cancel()
        reason = child.last_words()
        child.close()
        with self._lock:
            sweep.child = None
            if sweep.status is Status.RUNNING:
                sweep.gather()
                sweep.status = Status.FINISHED if sweep.whole else Status.FAILED
                sweep.text = "" if sweep.whole else f"Training ended early: {reason}. What has ended is kept."
            self._begin_next()

    def _end(self, owner: str, status: Status, text: str) -> None:
        with self._lock:
            found = self._sweeps.get(owner)
            if found is None or found.status not in (Status.RUNNING, Status.WAITING, Status.PAUSED):
                return
            found.status, found.text = status, text
            if found.child is not None:
                found.child.process.kill()
