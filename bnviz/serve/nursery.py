"""Where workers come from: `python -m bnviz.serve.nursery`, a process that has imported torch, and forks.

A worker that is forked from it trains after some 0.1 s instead of seconds, and shares the pages of all that is imported
with the others. The nursery itself never trains: autograd's threads, and what they hold, would not survive a fork.
Where there is no fork, workers are started one by one (`processes.spawned`), and a warm one stands by (`pool`).
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import traceback

from bnviz.serve.child import serve_runs
from bnviz.serve.warm_up import warm_up, warm_up_more

IDLE_SECONDS = 1.0
"""So long after its first work is done, it does what can wait."""
REQUEST = 2**20
"""Bytes of a request at most: an environment and a folder."""


class Nursery:
    """Asked on its stdin, a socket, for one process after another; ends when the asking ends."""

    def __init__(self) -> None:
        self._asked = socket.socket(fileno=0)
        self._ended, self._bell = socket.socketpair()
        self._bell.setblocking(False)
        self._children: dict[int, socket.socket] = {}
        """By process id, whom to tell of its birth and its end."""

    def serve(self) -> None:
        """Fork who is asked for, and tell of each who has ended."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._bell.fileno())
        idle: float | None = IDLE_SECONDS
        while True:
            ready, _, _ = select.select([self._asked, self._ended], [], [], idle)
            if not ready:
                idle = None
                warm_up_more()
            if self._ended in ready:
                self._ended.recv(4096)
                self._bury()
            if self._asked in ready:
                request, ends, _, _ = socket.recv_fds(self._asked, REQUEST, 4)
                if not request:
                    return
                self._bear(json.loads(request), *ends)

    def _bear(self, request: dict[str, object], stdin: int, stdout: int, stderr: int, told: int) -> None:
        parent = socket.socket(fileno=told)
        child = os.fork()
        if not child:
            self._leave(parent)
            _become(request, stdin, stdout, stderr)
        for end in (stdin, stdout, stderr):
            os.close(end)
        handle = os.pidfd_open(child)
        try:
            socket.send_fds(parent, [str(child).encode()], [handle])
        except OSError:  # it is not wanted any more
            os.kill(child, signal.SIGKILL)
        os.close(handle)
        self._children[child] = parent

    def _bury(self) -> None:
        while self._children:
            child, status = os.waitpid(-1, os.WNOHANG)
            if not child:
                return
            with self._children.pop(child) as parent:
                try:
                    parent.send(str(os.waitstatus_to_exitcode(status)).encode())
                except OSError:
                    continue  # nobody asks how it ended

    def _leave(self, parent: socket.socket) -> None:
        """In the child: nothing of the nursery's stays open, or its end would not be seen by those who wait for it."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for each in (self._asked, self._ended, self._bell, parent, *self._children.values()):
            each.close()


def _become(request: dict[str, object], stdin: int, stdout: int, stderr: int) -> None:
    """Be a worker, as if started now; does not return."""
    status = 1
    try:
        for place, end in enumerate((stdin, stdout, stderr)):
            os.dup2(end, place)
            os.close(end)
        environment, folder = request["environment"], request["folder"]
        assert isinstance(environment, dict)
        assert isinstance(folder, str)
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        serve_runs(warm=True)
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 0
    except BaseException:  # noqa: BLE001  what its parent will say of it
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    warm_up(steps=0)
    Nursery().serve()
