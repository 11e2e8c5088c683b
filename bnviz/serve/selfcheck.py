"""The check that a server runs for its visitors: one at a time, in a process of its own, seen by all who look.

The child (`python -m bnviz.laws`) ends when its stdin does, so a server that dies, however it dies, leaves nothing
behind.
"""

from __future__ import annotations

import enum
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from bnviz.laws import Result
from bnviz.serve.processes import Child, spawned

LONGEST_SECONDS = 300.0
"""A check is ended after this time; it takes about one minute of a processor's time."""


class Status(enum.Enum):
    """How far the check is."""

    IDLE = "idle"  # none has run yet
    RUNNING = "running"
    FINISHED = "finished"  # every law was measured
    STOPPED = "stopped"  # by a visitor, or because it took too long
    FAILED = "failed"  # its process ended early


@dataclass(frozen=True)
class Report:
    """What is known of the newest check."""

    status: Status = Status.IDLE
    visitor: str = ""
    """Who has started it, and alone may stop it."""
    started: datetime | None = None
    """In UTC; None when none has run yet."""
    results: tuple[Result, ...] = ()
    text: str = ""
    """Why it ended early, as a sentence."""

    @property
    def running(self) -> bool:
        """Whether results may still come."""
        return self.status is Status.RUNNING


class SelfCheck:
    """The check of one server.

    only: numbers of the laws to measure; none means all. longest: seconds after which it is ended.
    `report` is replaced, never changed, and may be read from any thread.
    """

    def __init__(self, only: Sequence[int] = (), longest: float = LONGEST_SECONDS) -> None:
        self._arguments = ["--only", *map(str, only)] if only else []
        self._longest = longest
        self._lock = threading.Lock()
        self._child: Child | None = None
        self.report = Report()

    def start(self, visitor: str) -> None:
        """Start a check for this visitor; while one is running there is nothing to do."""
        with self._lock:
            if self.report.running:
                return
            self._child = Child(spawned("bnviz.laws", *self._arguments))
            self.report = Report(Status.RUNNING, visitor, datetime.now(UTC))
        threading.Thread(target=self._follow, args=(self._child,), daemon=True).start()

    def stop(self, visitor: str) -> None:
        """End the check that is running, if it is one that this visitor has started; its results stay."""
        with self._lock:
            child = self._child if self.report.visitor == visitor else None
        if child is not None:
            self._end(child, "Stopped.")

    def close(self) -> None:
        """End the check that is running, if one is, whoever has started it."""
        self.stop(self.report.visitor)

    def _follow(self, child: Child) -> None:
        """Take over results as they come, until the process has ended."""
        text = f"Stopped: it took longer than {self._longest:.0f} seconds."
        timer = threading.Timer(self._longest, self._end, (child, text))
        timer.daemon = True
        timer.start()
        results: tuple[Result, ...] = ()
        for line in child.stdout:
            try:
                results = (*results, Result(**json.loads(line)))
            except (ValueError, TypeError):
                continue  # something that a library printed
            self._change(child, results=results)
        if results and len(results) == results[0].total:
            self._change(child, status=Status.FINISHED)
        else:
            text = f"The check ended early: {child.last_words().removesuffix('.')}."
            self._change(child, status=Status.FAILED, text=text)
        timer.cancel()
        child.close()

    def _end(self, child: Child, text: str) -> None:
        self._change(child, status=Status.STOPPED, text=text)
        child.process.kill()

    def _change(self, child: Child, **news: Any) -> None:
        """Bring the report up to date, unless its check has ended or is no longer that of this process."""
        with self._lock:
            if child is self._child and self.report.running:
                self.report = replace(self.report, **news)
