"""How the server is, for whoever looks after it and for a line on the page: counts and delays, of nobody's own."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from bnviz.source import Status

if TYPE_CHECKING:
    from bnviz.serve.shared import Server

PATH = "/bnviz/health"
VERSION = version("bnviz")
BEAT = 0.25
"""Seconds from one look at the event loop to the next."""
BEATS = 40
"""Of which the worst counts: ten seconds."""


class Pulse:
    """How late the event loop comes to what is due: a task on it asks to be woken, and looks when it was."""

    def __init__(self) -> None:
        self._late: deque[float] = deque(maxlen=BEATS)

    @property
    def lag(self) -> float:
        """Seconds, the worst of the last ten seconds."""
        return max(self._late, default=0.0)

    async def beat(self) -> None:
        """The task."""
        while True:
            due = time.monotonic() + BEAT
            await asyncio.sleep(BEAT)
            self._late.append(max(0.0, time.monotonic() - due))


def report(server: Server) -> dict[str, Any]:
    """What `/bnviz/health` says.

    `runs`: that train, rest or are starting. `workers`: their processes, and the spare one. `viewers`: open sockets.
    `last_frame_age`: seconds since anything was measured for a run that trains; None where none does.
    """
    runs = [run for run in server.hub.runs() if run.status.live]
    at = [run.history.added_at for run in runs if run.status is Status.RUNNING]
    newest = max((each for each in at if each is not None), default=None)
    return {
        "version": VERSION,
        "runs": len(runs),
        "workers": server.hub.workers,
        "viewers": len(server.viewers),
        "loop_lag_ms": round(1000 * server.pulse.lag, 1),
        "last_frame_age": None if newest is None else round(time.monotonic() - newest, 2),
    }
