"""Memory as it is measured: what processes take, and what there is for more of them."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from pathlib import Path

import psutil

CONTAINER = Path("/sys/fs/cgroup")
"""Where Linux tells a container what it may take (cgroup v2)."""


def taken_by(pid: int) -> int:
    """Bytes that would be free if a process ended: those it shares with nobody (USS); where that is not told, all."""
    try:
        process = psutil.Process(pid)
        try:
            return int(process.memory_full_info().uss)
        except psutil.AccessDenied:
            return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def give_back() -> None:
    """Give what this process has freed back to the system: glibc keeps it where something near it is still held."""
    with suppress(OSError, AttributeError, TypeError):  # another library, or another system
        ctypes.CDLL(None).malloc_trim(0)


def total() -> int:
    """Bytes of this machine, or that its container may take."""
    return min(int(psutil.virtual_memory().total), _container_limit() or 2**62)


def available() -> int:
    """Bytes that more processes may take."""
    free = int(psutil.virtual_memory().available)
    limit = _container_limit()
    return free if limit is None else min(free, limit - _container_use())


def _container_limit() -> int | None:
    try:
        return int((CONTAINER / "memory.max").read_text())
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        return None


def _container_use() -> int:
    """What is in use, without files that are kept in memory only as long as nobody needs it."""
    try:
        used = int((CONTAINER / "memory.current").read_text())
        told = dict(line.split() for line in (CONTAINER / "memory.stat").read_text().splitlines())
        return used - int(told.get("inactive_file", 0))
    except (OSError, ValueError):
        return 0
