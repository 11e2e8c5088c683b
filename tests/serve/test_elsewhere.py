"""A worker where much of what Linux has is missing, as on Windows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bnviz.config import RunConfig
from bnviz.recording import Note
from bnviz.serve.worker import Worker

ROOT = Path(__file__).parents[2]
STARTUP = """
import os, select, signal, sys
for module, names in {
    os: "fork forkpty killpg setsid setpgid getpgid getuid geteuid getgid getegid getgroups nice wait3 wait4 mkfifo "
        "chown statvfs sysconf getloadavg sched_getaffinity sched_setaffinity posix_spawn set_blocking pread",
    signal: "SIGKILL SIGSTOP SIGCONT SIGCHLD SIGHUP SIGUSR1 SIGALRM alarm setitimer pthread_sigmask sigwait pause",
    select: "poll epoll",
}.items():
    for name in names.split():
        delattr(module, name)
for name in ("fcntl", "resource", "termios", "pty", "pwd", "grp", "syslog"):
    sys.modules[name] = None
"""
"""What Python runs first in a new process (sitecustomize)."""


def test_a_worker_trains_and_ends_without_what_windows_lacks(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(STARTUP)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    asked = [sys.executable, "-c", "import os, signal; print(hasattr(os, 'fork') or hasattr(signal, 'SIGKILL'))"]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout == "False\n"  # it is in force
    worker = Worker(forked=False)
    try:
        for _ in range(2):  # the same process takes one run after another
            items = worker.run(RunConfig(depth=2, width=8, steps=1_000_000))
            frames = (item for item in items if isinstance(item, tuple))
            assert next(frames)[0].step == 0
            worker.send("change", arm="none", fields={"learning_rate": "0.1"})
            worker.send("pause")
            worker.send("step")
            assert next(frames)
            worker.send("stop")
            last = [*items][-1]
            assert isinstance(last, Note)
            assert last.kind == "stopped"
        worker.stdin.close()  # the leash
        assert worker.process.wait(30) == 0
    finally:
        worker.close()
    assert worker.last_words() == "its process ended with status 0"
