"""The check that a server runs for its visitors: one at a time, in a process of its own, seen by all who look.

The child (`python -m bnviz.laws`) ends when its stdin does, so a server that dies, however it dies, leaves nothing
behind.
"""

from __future__ import annotations

import enum
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import IO, Any

from bnviz.laws import Result
from bnviz.serve.worker import CHILD_ENVIRONMENT, last_words

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
        self._process: subprocess.Popen[bytes] | None = None
        self.report = Report()

    def start(self) -> None:
        """Start a check; while one is running there is nothing to do."""
        with self._lock:
            if self.report.running:
                return
            errors = tempfile.TemporaryFile()  # noqa: SIM115  closed by the thread that reads the process
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bnviz.laws", *self._arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **CHILD_ENVIRONMENT},
            )
            self.report = Report(Status.RUNNING, datetime.now(UTC))
        threading.Thread(target=self._follow, args=(self._process, errors), daemon=True).start()

    def stop(self) -> None:
        """End the check that is running, if one is; its results stay."""
        with self._lock:
            process = self._process
        if process is not None:
            self._end(process, "Stopped.")

    def _follow(self, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        """Take over results as they come, until the process has ended."""
        text = f"Stopped: it took longer than {self._longest:.0f} seconds."
        timer = threading.Timer(self._longest, self._end, (process, text))
        timer.daemon = True
        timer.start()
        results: tuple[Result, ...] = ()
        with process, errors:  # to leave a process means to wait for it
            assert process.stdout is not None
            for line in process.stdout:
                try:
                    results = (*results, Result(**json.loads(line)))
                except (ValueError, TypeError):
                    continue  # something that a library printed
                self._change(process, results=results)
            if results and len(results) == results[0].total:
                self._change(process, status=Status.FINISHED)
            else:
                text = f"The check ended early: {last_words(process, errors).removesuffix('.')}."
                self._change(process, status=Status.FAILED, text=text)
        timer.cancel()

    def _end(self, process: subprocess.Popen[bytes], text: str) -> None:
        self._change(process, status=Status.STOPPED, text=text)
        process.kill()

    def _change(self, process: subprocess.Popen[bytes], **news: Any) -> None:
        """Bring the report up to date, unless its check has ended or is no longer that of this process."""
        with self._lock:
            if process is self._process and self.report.running:
                self.report = replace(self.report, **news)
