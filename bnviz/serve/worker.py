"""The parent's handle on a worker: a child process (`bnviz.serve.child`) that trains one run after another.

The parent writes commands, a JSON object a line, to the child's stdin; the child writes what `StreamWriter` writes
to its stdout: one Arrow stream for each run it is asked for, one after another.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any, Literal

from bnviz.config import RunConfig
from bnviz.frames import Description, Event, Frame
from bnviz.recording import Note, StreamReader
from bnviz.serve.processes import Child

Command = Literal["start", "play", "pause", "step", "change", "fork", "undo", "drop", "rename", "pace", "look", "stop"]


class Worker(Child):
    """A child process that trains one run after another, one at a time."""

    def __init__(self) -> None:
        super().__init__("bnviz.serve.child")
        self._lock = threading.Lock()

    def send(self, command: Command, **values: Any) -> None:
        """Send a command; one to a child that is gone is lost."""
        line = json.dumps({"command": command, **values}) + "\n"
        try:
            with self._lock:
                self.stdin.write(line.encode())
                self.stdin.flush()
        except (BrokenPipeError, ValueError):
            return  # the reader of items() sees the end and reports it

    def run(
        self, config: RunConfig, model: str | None = None, rest_at: int | None = None
    ) -> Iterator[Description | tuple[Frame, ...] | Event | Note]:
        """Start a run and yield what the child measures and says, until the run has stopped or the child is gone.

        model: names the factory of somebody's own nets. rest_at: rest at this step until told to play.
        The first item says which layers there are, the last is a note
        `stopped` when the child is ready for another run; without it, the child died.
        """
        self.send("start", config=config.to_dict(), model=model, rest_at=rest_at)
        try:
            reader = StreamReader(self.stdout)
        except ValueError:
            return  # not even a header came
        yield reader.description
        yield from reader
