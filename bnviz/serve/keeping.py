"""A run on disk as it goes, whole: what is on the page is thinned, what is kept is not."""

from __future__ import annotations

import logging
import secrets
from pathlib import Path
from typing import IO

from bnviz.frames import Description, Event, Frame
from bnviz.recording import StreamWriter

MAX_BYTES = 2_000_000_000
"""A run's file grows no further; it is a run of depth 20 watched for hours."""
log = logging.getLogger(__name__)


class Keeper:
    """Writes a run to a file in a folder; where that cannot be done the run goes on, and `problem` says why.

    folder: None keeps nothing. The file is there once the run has begun, and opens up to its last whole step, also
    while it is written.
    """

    def __init__(self, folder: Path | None) -> None:
        self.problem = ""
        """Why the run is not being kept, as a sentence; empty: it is."""
        self.file: Path | None = None
        self._folder = folder
        self._sink: IO[bytes] | None = None

    def begin(self, description: Description) -> None:
        """Open the file, now that it is known what there will be."""
        if self._folder is None:
            return
        file = self._folder / f"{secrets.token_hex(8)}.arrow"
        try:
            self._sink = file.open("wb")
            self._writer = StreamWriter(self._sink, description)
            self.file = file
        except OSError as error:
            self._give_up(error)

    def write(self, item: tuple[Frame, ...] | Event) -> None:
        """Add the frames of a step, or an event."""
        if self._sink is None:
            return
        try:
            self._writer.write(item)
            if self._sink.tell() > MAX_BYTES:
                raise OSError(f"its file has reached {MAX_BYTES / 1e9:.0f} GB")
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """No more will come; the file stays."""
        if self._sink is not None:
            self._sink.close()
            self._sink = None

    def forget(self) -> None:
        """Remove the file."""
        self.close()
        if self.file is not None:
            self.file.unlink(missing_ok=True)
            self.file = None

    def _give_up(self, error: OSError) -> None:
        self.problem = f"From here on this run is not being kept: {error.strerror or error}."
        log.warning("%s", self.problem)
        try:
            self.close()
        except OSError:  # what was still to be flushed has no room either
            self._sink = None
