"""A dashboard in a process of its own, and a cheap viewer, for tests."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from websockets.sync.client import ClientConnection, connect

from bnviz.serve.processes import Child

ROOT = Path(__file__).parents[2]


class Dashboard:
    """A running server."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, log: Path) -> None:
        self.process, self.url, self.log = process, url, log

    @property
    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def workers(self) -> list[psutil.Process]:
        return workers_of(self.process.pid)


def workers_of(server: int) -> list[psutil.Process]:
    """Processes that train, or would: spawned, or children of the one that they are forked from."""
    children = psutil.Process(server).children(recursive=True)
    nurseries = {child.pid for child in children if "bnviz.serve.nursery" in child.cmdline() and child.ppid() == server}
    return [child for child in children if child.ppid() in nurseries or "bnviz.serve.child" in child.cmdline()]


@contextmanager
def dashboard(*command: str, env: dict[str, str] | None = None) -> Iterator[Dashboard]:
    """Start a server by a command (default: the `bnviz` command) on a free port of 127.0.0.1."""
    log = Path(tempfile.mkstemp(suffix=".log")[1])
    command = command or (sys.executable, "-m", "bnviz.cli", "--no-browser")
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=sink, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    try:
        yield Dashboard(process, _url(process, log), log)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.unlink()


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the server ended: {log.read_text()}")
        if found := re.search(r"http://[\w.]+:\d+(/\w+)*", log.read_text()):
            try:
                with urllib.request.urlopen(f"{found[0]}/_stcore/health", timeout=2):
                    return found[0]
            except OSError:
                pass
        time.sleep(0.1)
    raise AssertionError(f"the server never answered: {log.read_text()}")


def wait_for(condition: Callable[[], object], seconds: float = 120.0) -> object:
    """Wait until the condition is true; its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)
    return value


def born(worker: Child) -> int:
    """Its process id, once it has one."""

    def pid() -> int | None:
        with suppress(ProcessLookupError):
            return worker.pid

    return wait_for(pid)


def watch(dashboard: Dashboard, run: str, **headers: str) -> ClientConnection:
    """Open a run's socket, as a page of the dashboard does."""
    url = dashboard.url.replace("http", "ws") + f"/bnviz/run/{run}/socket"
    return connect(url, origin=dashboard.url, additional_headers=headers, max_size=None)


def messages(socket: ClientConnection, until: Callable[[dict], object], seconds: float = 30.0) -> list[dict]:
    """Messages up to the first for which `until` holds."""
    seen, deadline = [], time.monotonic() + seconds
    while time.monotonic() < deadline:
        seen.append(json.loads(socket.recv(timeout=seconds)))
        if until(seen[-1]):
            return seen
    raise AssertionError("it never came")
