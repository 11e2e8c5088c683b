"""Child processes: how they are started, and how they ended."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from typing import IO

_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    # Or glibc gives the memory of large tensors back after each use, and the kernel clears it anew for the next.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(128 * 2**20),
}

KILLED = 9
"""The signal by which Linux ends a process when memory runs out."""


class Child:
    """A Python module run as a process, `python -m module arguments`, with pipes to its stdin and from its stdout.

    Its stdin is a leash: these modules end when it does, so that a parent that dies leaves nothing behind.
    """

    def __init__(self, module: str, arguments: Sequence[str] = ()) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed with the process
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, **_ENVIRONMENT},
        )
        self._last_words = ""
        self._reading, self._closing = threading.Lock(), threading.Lock()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.stdin: IO[bytes] = self.process.stdin
        self.stdout: IO[bytes] = self.process.stdout

    @property
    def pid(self) -> int:
        """The process id."""
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
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"its process ended with status {code}"
