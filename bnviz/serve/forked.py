"""Processes that the nursery forks, as their parent sees them."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from math import inf
from typing import IO, Any

from bnviz.serve.processes import ENVIRONMENT, KILLED, Begun, last_line


def _can_fork() -> bool:
    if not (hasattr(os, "fork") and hasattr(os, "pidfd_open") and hasattr(socket, "send_fds")):
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:  # an old kernel, or a container that forbids it
        return False
    return True


FORKS = _can_fork()
"""Whether workers can be forked here: on Linux since 5.3, and on nothing else that is known."""
PATIENCE = 60.0
"""Seconds within which whoever is asked for is born, or the nursery hangs."""
SLICE = 0.05
"""Seconds for which the lock of a process is held while its end is waited for."""


class Nursery:
    """The parent's handle on `bnviz.serve.nursery`. One is enough for a process, for all its hubs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Have it stand by; a dead one is started anew."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._end()
                self._start()

    def close(self) -> None:
        """End it; whom it has forked lives on."""
        with self._lock:
            self._end()

    def fork(self, errors: IO[bytes]) -> Begun:
        """A way to begin a `Child`. It returns at once, also while the nursery is still importing torch."""
        self.start()
        stdin, to_child = os.pipe()
        from_child, stdout = os.pipe()
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        request = json.dumps({"environment": {**os.environ, **ENVIRONMENT}, "folder": os.getcwd()})
        ends = (stdin, stdout, errors.fileno(), there.fileno())
        try:
            with self._lock:
                socket.send_fds(self._line, [request.encode()], ends)
        except OSError:  # it has just died: who waits for the birth sees the end
            pass
        finally:
            there.close()
            os.close(stdin)
            os.close(stdout)
        return Forked(here, self, errors), os.fdopen(to_child, "wb"), os.fdopen(from_child, "rb")

    def last_words(self) -> str:
        """The last line that it wrote to stderr."""
        with self._lock:
            return "" if self._process is None else last_line(self._errors)

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self._line.close()
            self._errors.close()

    def _start(self) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  as long as the nursery
        self._line, its_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its_end:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bnviz.serve.nursery"],
                stdin=its_end.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env={**os.environ, **ENVIRONMENT},
            )


NURSERY = Nursery()


class Forked:
    """A process that the nursery was asked to fork. It tells of the birth, with a handle, and of the end."""

    def __init__(self, line: socket.socket, nursery: Nursery, errors: IO[bytes]) -> None:
        self._line: socket.socket | None = line
        self._nursery, self._errors, self._lock = nursery, errors, threading.Lock()
        self._asked = time.monotonic()
        self._pid: int | None = None
        self._status: int | None = None
        self._handle: int | None = None

    @property
    def pid(self) -> int:
        """The process id. Errors: ProcessLookupError before it is born: any number would be somebody else's."""
        self.poll()
        if self._pid is None:
            raise ProcessLookupError("This worker is still to be born.")
        return self._pid

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs, or is still to be born."""
        with self._lock:
            while self._status is None and self._hear(0):
                pass
            return self._status

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; the exit status. Errors: TimeoutExpired."""
        deadline = time.monotonic() + (inf if timeout is None else timeout)
        while self._status is None:
            if (left := deadline - time.monotonic()) <= 0:
                raise subprocess.TimeoutExpired("a forked worker", timeout or 0.0)
            with self._lock:  # in slices, as others ask meanwhile, and what is waited for is closed at the end
                if self._status is None:
                    self._hear(min(left, SLICE))
        return self._status

    def kill(self) -> None:
        """End it at once; one that is not born yet never will be."""
        self.poll()
        with self._lock:
            if self._status is not None:
                return
            if self._handle is not None:
                with suppress(ProcessLookupError):  # it has just ended by itself
                    signal.pidfd_send_signal(self._handle, signal.SIGKILL)
                return
            self._end(-KILLED)
        if time.monotonic() - self._asked > PATIENCE:
            self._nursery.close()  # it hangs

    def _hear(self, timeout: float) -> bool:
        """Take the next thing that is told of it within so many seconds; whether there was one."""
        told_by: Any = self._line if self._line is not None else self._handle
        if not select.select([told_by], [], [], timeout)[0]:
            return False
        if self._line is None:
            self._end(1)  # how is not told any more
            return True
        told, handles, _, _ = socket.recv_fds(self._line, 64, 1)
        if handles:
            self._pid, self._handle = int(told), handles[0]
        elif told:
            self._end(int(told))
        else:
            self._lose_the_nursery()
        return True

    def _lose_the_nursery(self) -> None:
        """The nursery has ended. Whoever was born lives on, and who was not, ends with its last words."""
        if self._handle is None:
            self._errors.write(self._nursery.last_words().encode())
            self._end(1)
        elif self._line is not None:
            self._line.close()
            self._line = None

    def _end(self, status: int) -> None:
        self._status = status
        if self._line is not None:
            self._line.close()
        if self._handle is not None:
            os.close(self._handle)
