"""The file that a run or a watched loop is written to: complete up to its last frame, whatever becomes of either."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bnviz.frames import Description, Event, Frame
from bnviz.recording.arrow import StreamWriter
from bnviz.recording.framing import END, ended


class Out:
    """A recording on disk as it grows. Where it cannot be written any more it is given up, and `reason` says why.

    more: go on after what the file holds, which is a run of the same description. Errors: OSError where the file
    cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str], more: bool = False) -> None:
        self.path = Path(path)
        self.reason = ""
        """Why it is no longer written, in words; empty: all is."""
        self._more = more
        whole = more and ended(self.path)
        self._sink: IO[bytes] | None = self.path.open("r+b" if more else "wb")
        if more:
            self._sink.seek(-len(END) if whole else 0, os.SEEK_END)
            self._sink.truncate()
        self._writer: StreamWriter | None = None

    @property
    def problem(self) -> str:
        """The same as a sentence without its end."""
        return f"from here on {self.path} is not written: {self.reason}" if self.reason else ""

    @property
    def size(self) -> int:
        """Bytes written so far; 0 once no more are."""
        return 0 if self._sink is None else self._sink.tell()

    def begin(self, description: Description) -> None:
        """Write what the run is."""
        with self._or_give_up():
            if self._sink is not None:
                self._writer = StreamWriter(self._sink, description, more=self._more)

    def write(self, item: tuple[Frame, ...] | Event) -> None:
        """Add the frames of a step, or an event."""
        with self._or_give_up():
            if self._writer is not None:
                self._writer.write(item)

    def close(self) -> None:
        """Write the end, if there is a beginning; a second time changes nothing."""
        with self._or_give_up():
            writer, self._writer = self._writer, None
            if writer is not None:
                writer.close()
        self._let_go()

    def give_up(self, reason: str) -> None:
        """Write no more, for this reason."""
        self.reason = reason
        self._writer = None
        self._let_go()

    @contextmanager
    def _or_give_up(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.give_up(error.strerror or str(error))

    def _let_go(self) -> None:
        sink, self._sink = self._sink, None
        try:
            if sink is not None:
                sink.close()
        except OSError:  # what was still to be flushed has no room either
            pass
