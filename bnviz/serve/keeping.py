"""A run on disk as it goes, whole: what is on the page is thinned, what is kept is not."""

from __future__ import annotations

import logging
from pathlib import Path

from bnviz.frames import Description, Event, Frame
from bnviz.history import History
from bnviz.recording import Recording
from bnviz.recording.out import Out
from bnviz.serve.shelf import Shelf

MAX_BYTES = 2_000_000_000
"""A run's file grows no further; it is a run of depth 20 watched for hours."""
log = logging.getLogger(__name__)


class Keeper:
    """Writes a run to a shelf; where that cannot be done the run goes on, and `problem` says why.

    shelf: None keeps nothing. history: of the run, for its card. The file is there once the run has begun, and opens
    up to its last whole step, also while it is written.
    """

    def __init__(self, shelf: Shelf | None, owner: str, history: History) -> None:
        self.problem = ""
        """Why the run is not being kept, as a sentence; empty: it is."""
        self.file: Path | None = None
        self._shelf, self._owner, self._history = shelf, owner, history
        self._out: Out | None = None
        self._description = Description((), ())

    def begin(self, description: Description) -> None:
        """Open the file, now that it is known what there will be; a run that comes back goes on in the one it has."""
        if self._shelf is None or self.problem:
            return
        self._description = description
        more = self.file is not None and self._shelf.resume(self.file)
        try:
            file = self.file if more and self.file else self._shelf.begin(self._owner, description)
            self._out = Out(file, more)
        except OSError as error:
            self._say(error.strerror or str(error))
            return
        self.file = file
        self._out.begin(description)
        if not more:  # of a run that comes back, and whose file is gone: what is still known
            steps, events = self._history.snapshot()
            for item in Recording(description, tuple(f for frames in steps for f in frames), tuple(events)).items():
                self._out.write(item)
        self._say(self._out.reason)

    def write(self, item: tuple[Frame, ...] | Event) -> None:
        """Add the frames of a step, or an event."""
        if self._out is None or self._shelf is None or self.problem:
            return
        self._out.write(item)
        if self._out.size > MAX_BYTES:
            self._out.give_up(f"its file has reached {MAX_BYTES / 1e9:.0f} GB")
        elif self._shelf.full:
            self._out.give_up(f"recordings take all the room they may, {self._shelf.most_bytes / 1e9:g} GB")
        self._say(self._out.reason)

    def close(self) -> None:
        """No more will come; the file stays, unless hardly anything is in it."""
        out, self._out = self._out, None
        if out is None or self._shelf is None:
            return
        out.close()
        self._say(out.reason)
        steps, events = self._history.snapshot()
        self._shelf.conclude(out.path, self._description, steps, events)

    def _say(self, reason: str) -> None:
        if reason and not self.problem:
            self.problem = f"From here on this run is not being kept: {reason}."
            log.warning("%s", self.problem)
