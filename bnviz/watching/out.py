"""The file that a watched loop is written to: complete up to its last frame, whatever becomes of the loop."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bnviz.frames import Description, Event, Frame
from bnviz.recording import StreamWriter


class Out:
    """A recording on disk as it grows. Where it cannot be written any more it is given up, and `problem` says why.

    Errors: OSError where the file cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.problem = ""
        """As a sentence without its end; empty: all is written."""
        self._sink: IO[bytes] | None = self.path.open("wb")
        self._writer: StreamWriter | None = None

    def begin(self, description: Description) -> None:
        """Write what the loop is."""
        with self._or_give_up():
            if self._sink is not None:
                self._writer = StreamWriter(self._sink, description)

    def write(self, item: tuple[Frame, ...] | Event) -> None:
        """Add the frame of a step, or an event."""
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

    @contextmanager
    def _or_give_up(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.problem = f"from here on {self.path} is not written: {error.strerror or error}"
            self._writer = None
            self._let_go()

    def _let_go(self) -> None:
        sink, self._sink = self._sink, None
        try:
            if sink is not None:
                sink.close()
        except OSError:  # what was still to be flushed has no room either
            pass
