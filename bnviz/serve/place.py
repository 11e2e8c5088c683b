"""A run's worker on a machine of a Dask cluster: the actor that leads it there.

Dask makes one for each run and carries what is said; the worker itself is the process that a server without a cluster
has (`bnviz.serve.child`), led by the same bytes.
"""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import suppress
from typing import IO

from bnviz.serve.forked import FORKS, NURSERY
from bnviz.serve.processes import Child, processor_time, spawned

LONGEST_WAIT = 0.5
"""Seconds that a question is left open while the worker says nothing."""
MOST_BYTES = 4_000_000
"""That wait to be asked for; then the worker waits."""


class _Box:
    """What a process has said and nobody has asked for yet."""

    def __init__(self) -> None:
        self.ended = False
        self._said = bytearray()
        self._room = threading.Condition()
        self._wake: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def fill(self, source: IO[bytes]) -> None:
        """Thread: take in all that comes, until nothing does any more."""
        while data := _read(source):
            with self._room:
                self._room.wait_for(lambda: len(self._said) < MOST_BYTES)
                self._said += data
                self._tell()
        with self._room:
            self.ended = True
            self._tell()

    def take(self) -> bytes:
        """All that is there."""
        with self._room:
            data = bytes(self._said)
            self._said.clear()
            self._room.notify_all()
        return data

    async def news(self) -> None:
        """Wait until there is something, or for a while."""
        event = asyncio.Event()
        with self._room:
            if self._said or self.ended:
                return
            self._wake = asyncio.get_running_loop(), event
        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), LONGEST_WAIT)

    def _tell(self) -> None:
        if self._wake is not None:
            (loop, event), self._wake = self._wake, None
            with suppress(RuntimeError):  # the machine's loop has ended
                loop.call_soon_threadsafe(event.set)


def _read(source: IO[bytes]) -> bytes:
    try:
        return os.read(source.fileno(), 65536)
    except (OSError, ValueError):  # closed meanwhile
        return b""


def be_ready() -> None:
    """On each machine, before the first run: have there what workers are forked from."""
    if FORKS:
        NURSERY.start()


class Place:
    """The actor. It ends its process with itself: Dask drops it when whoever asked for it is gone."""

    def __init__(self) -> None:
        self._child = Child(NURSERY.fork if FORKS else spawned("bnviz.serve.child"))
        self._box = _Box()
        threading.Thread(target=self._box.fill, args=(self._child.stdout,), daemon=True).start()

    async def read(self) -> tuple[bytes | None, float]:
        """What the worker has said since it was last asked; empty: nothing for now; None: it has ended.

        And the seconds of processor time that it has taken, NaN where that is not known.
        """
        await self._box.news()
        return self._box.take() or (None if self._box.ended else b""), processor_time(self._child)

    async def write(self, data: bytes) -> None:
        """Say something to the worker; one that is gone hears nothing."""
        await asyncio.to_thread(self._write, data)  # it may have to wait until there is room in the pipe

    def _write(self, data: bytes) -> None:
        with suppress(OSError, ValueError):
            self._child.stdin.write(data)
            self._child.stdin.flush()

    async def last_words(self) -> str:
        """How it ended."""
        return await asyncio.to_thread(self._child.last_words)

    async def kill(self) -> None:
        """End it at once."""
        self._child.process.kill()

    def __del__(self) -> None:
        if hasattr(self, "_child"):
            self._child.process.kill()
