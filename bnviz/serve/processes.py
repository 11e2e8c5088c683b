"""Child processes: how they are started, and how they ended."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from math import nan
from typing import IO, Protocol

import psutil

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    # Or glibc gives the memory of large tensors back after each use, and the kernel clears it anew for the next.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(128 * 2**20),
}

KILLED = 9
"""The signal by which Linux ends a process when memory runs out."""


class Process(Protocol):
    """What of `subprocess.Popen` is asked for here."""

    @property
    def pid(self) -> int:
        """The process id."""

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, once it has ended."""

    def kill(self) -> None:
        """End it at once."""


Begun = tuple[Process, IO[bytes], IO[bytes]]
"""A process, and the pipes to its stdin and from its stdout."""


def spawned(module: str, *arguments: str) -> Callable[[IO[bytes]], Begun]:
    """A way to begin a `Child`: a Python module run as a process, `python -m module arguments`."""

    def begin(errors: IO[bytes]) -> Begun:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, **ENVIRONMENT},
        )
        assert process.stdin is not None
        assert process.stdout is not None
        return process, process.stdin, process.stdout

    return begin


class Child:
    """A process with pipes to its stdin and from its stdout.

    Its stdin is a leash: it ends when that does, so that a parent that dies leaves nothing behind.
    """

    def __init__(self, begin: Callable[[IO[bytes]], Begun]) -> None:
        """begin: given what takes its stderr, starts it."""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed with the process
        self.process, self.stdin, self.stdout = begin(self._errors)
        self._last_words = ""
        self._reading, self._closing = threading.Lock(), threading.Lock()

    @property
    def pid(self) -> int:
        """The process id. Errors: ProcessLookupError as long as it is being born."""
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def close(self) -> None:
        """End it at once, and wait for its end."""
        self.process.kill()
        self.last_words()
        with self._closing:  # a pipe that two threads close at once raises in one of them
            for pipe in (self.stdin, self.stdout, self._errors):
                try:
                    pipe.close()
                except OSError:
                    continue  # what was still to be flushed has nobody to read it

    def last_words(self) -> str:
        """How it ended: the last line it wrote to stderr, or the signal that killed it. Waits for its end."""
        with self._reading:
            self._last_words = self._last_words or self._how_it_ended()
            return self._last_words

    def _how_it_ended(self) -> str:
        code = self.process.wait()
        if code < 0:
            reason = ", perhaps for want of memory" if -code == KILLED else ""
            return f"its process was killed (signal {-code}){reason}"
        return last_line(self._errors) or f"its process ended with status {code}"


def processor_time(child: Child) -> float:
    """Seconds of processor time that it has taken; NaN where it is gone, or still to be born."""
    try:
        return float(sum(psutil.Process(child.pid).cpu_times()[:2]))
    except (psutil.Error, ProcessLookupError):
        return nan


def last_line(errors: IO[bytes]) -> str:
    """The last line that a process wrote to its stderr, a file; empty if it wrote none."""
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""
