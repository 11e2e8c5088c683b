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
from math import inf
from typing import IO, Any

from bnviz.serve.processes import ENVIRONMENT, KILLED, Begun, last_line

FORKS = all(hasattr(os, name) for name in ("fork", "pidfd_open")) and hasattr(socket, "send_fds")
"""Whether workers can be forked here: on Linux, and on nothing else that is known."""
PATIENCE = 60.0
"""Seconds within which the nursery has imported torch, or never will."""
SLICE = 0.05
"""Seconds."""


class Nursery:
    """The parent's handle on `bnviz.serve.nursery`. One is enough for a process, for all its hubs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0

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

    def give_up(self) -> bool:
        """End it if it has not come so far in all its time that it could fork; whether that was so."""
        with self._lock:
            if self._process is None or time.monotonic() - self._started < PATIENCE:
                return False
            self._process.kill()
            return True

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
        self._started = time.monotonic()
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
        self._pid, self._status = 0, -1
        self._handle: int | None = None
        self._ended = False

    @property
    def pid(self) -> int:
        """The process id; 0 before it is born."""
        self.poll()
        return self._pid

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs, or is still to be born."""
        with self._lock:
            while not self._ended and self._hear(0):
                pass
            return self._status if self._ended else None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; the exit status. Errors: TimeoutExpired."""
        deadline = time.monotonic() + (inf if timeout is None else timeout)
        while not self._ended:
            if (left := deadline - time.monotonic()) <= 0:
                raise subprocess.TimeoutExpired("a forked worker", timeout or 0.0)
            with self._lock:  # in slices, as others ask meanwhile, and what is waited for is closed at the end
                if not self._ended:
                    self._hear(min(left, SLICE))
        return self._status

    def kill(self) -> None:
        """End it at once; one that is not born yet never will be."""
        self.poll()
        with self._lock:
            if self._ended:
                return
            if self._handle is not None:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
                return
            self._end(-KILLED)
        self._nursery.give_up()

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
        self._status, self._ended = status, True
        if self._line is not None:
            self._line.close()
        if self._handle is not None:
            os.close(self._handle)
