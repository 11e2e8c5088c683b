"""The parent's handle on a worker: a child process (`bnviz.serve.child`) that trains one run after another.

The parent writes commands, a JSON object a line, to the child's stdin; the child writes what `StreamWriter` writes
to its stdout: one Arrow stream for each run it is asked for, one after another.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from math import nan
from typing import IO, Any, Literal

from bnviz.config import RunConfig
from bnviz.frames import Description, Event, Frame
from bnviz.recording import Note, StreamReader
from bnviz.serve.forked import FORKS, NURSERY
from bnviz.serve.processes import Begun, Child, processor_time, spawned

Command = Literal["start", "play", "pause", "step", "change", "fork", "undo", "drop", "rename", "pace", "look", "stop"]

IDLE_LOOKS = 10
"""A run that says nothing and takes no processor time for so many looks, one a second, is hung."""
IDLE_LOOKS_AT_FIRST = 60
"""The same before its first step: disks and networks that data come from may be slow."""
SILENT_LOOKS = 600
"""The same for one that says nothing, however much it computes."""
COMPUTING = 0.01
"""Seconds of processor time between two looks that are a sign of life."""


class Worker(Child):
    """A child process that trains one run after another, one at a time."""

    def __init__(self, forked: bool = FORKS, begin: Callable[[IO[bytes]], Begun] | None = None) -> None:
        """forked: from a process that has imported torch, which takes 0.1 s instead of seconds.

        begin: another way to begin it, such as on another machine.
        """
        super().__init__(begin or (NURSERY.fork if forked else spawned("bnviz.serve.child")))
        self._lock = threading.Lock()
        self._listening = True  # whether its next word is waited for
        self._silent = self._idle = 0  # looks since its last
        self._computed = nan
        self._garbled = ""

    @property
    def where(self) -> str:
        """The address of the machine that it runs on; empty: this one, or that is still to be seen."""
        return getattr(self.process, "where", "")

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
        self, config: RunConfig, model: str | None = None, rest_at: int | None = None,
        back_to: dict[str, Any] | None = None,
    ) -> Iterator[Description | tuple[Frame, ...] | Event | Note]:  # fmt: skip
        """Start a run and yield what the child measures and says, until the run has stopped or the child is gone.

        model: names the factory of somebody's own nets. rest_at: rest at this step until told to play.
        back_to: the `step` where the run has been, with the `events` up to there, to go on from.
        The first item says which layers there are, the last is a note
        `stopped` when the child is ready for another run; without it, the child died.
        """
        self._listening, self._silent, self._idle, self._garbled = True, 0, 0, ""
        self.send("start", config=config.to_dict(), model=model, rest_at=rest_at, back_to=back_to)
        try:
            reader = StreamReader(self.stdout)
        except ValueError:
            return  # not even a header came
        yield reader.description
        for item in self._heard(reader):
            if not (isinstance(item, Note) and item.kind == "beat"):
                yield item

    def _heard(self, reader: StreamReader) -> Iterator[tuple[Frame, ...] | Event | Note]:
        """What it says; while somebody is busy with that, its next word is not waited for."""
        for item in reader:
            self._listening, self._silent, self._idle = False, 0, 0
            yield item
            self._listening = True
        if reader.damage:
            self._garbled = "what its process said makes no sense"

    def last_words(self) -> str:
        """How it ended, and before that whether what it said could be understood. Waits for its end."""
        ended = super().last_words()
        return self._garbled or ended

    def look(self, begun: bool) -> str:
        """Why it is taken for hung, as half a sentence; empty: it lives. To be called once a second during a run.

        It says something every two seconds between steps, also while it rests. A step, or data to be read, may take
        longer: what computes is not hung, unless it does so without end. Time is counted in looks, so that nobody
        is found silent because this machine slept or this process was stopped, whatever clocks say afterwards.
        """
        spent = getattr(self.process, "spent", None)  # of a process of another machine, as it was told
        before, self._computed = self._computed, processor_time(self) if spent is None else spent
        if not self._listening:
            return ""
        self._silent += 1
        self._idle = 0 if self._computed - before > COMPUTING else self._idle + 1
        if self._idle >= (idle := IDLE_LOOKS if begun else IDLE_LOOKS_AT_FIRST):
            return f"its process has given no sign of life for {idle} seconds"
        if self._silent >= SILENT_LOOKS:
            return f"a single step has taken longer than {SILENT_LOOKS // 60} minutes"
        return ""
