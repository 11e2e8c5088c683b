"""A recording that is still being written, by `bnviz.watch` or by `bnviz run`: watched as it grows."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from bnviz.frames import Description, Event
from bnviz.recording import Note, Recording, StreamReader, load_safely
from bnviz.recording.arrow import CUT
from bnviz.recording.framing import ended
from bnviz.source import Kept, Status

LOOK_SECONDS = 0.1
"""How often a file is looked at for more."""
RECENT_SECONDS = 600.0
"""A file without an end that nobody has touched for so long was cut short, and will not grow."""


def still_written(path: Path) -> bool:
    """Whether the file has no end yet and was written to lately."""
    # A time to come, where a clock was set back, is none at which it was written to lately.
    return not ended(path) and abs(time.time() - path.stat().st_mtime) < RECENT_SECONDS


def opened(file: Path, damage: str = "") -> Kept:
    """A recording in a file as something to watch; followed while it is still being written.

    damage: what is known to be wrong with it. Errors: OSError; ValueError, in one sentence, when it is no recording.
    """
    awaited = file.is_file() and not file.stat().st_size and still_written(file)
    recording = None if awaited else load_safely(file, thinned=True)
    if recording is None or (not recording.damage and still_written(file)):
        return Followed(recording, file)
    return Kept(recording, file, recording.damage or damage or ("" if ended(file) else CUT))


class Growing:
    """A file read as if through a pipe: a read waits for what is to come, until `stop` is set."""

    def __init__(self, path: Path, stop: threading.Event) -> None:
        self._file = path.open("rb")
        self._stop = stop

    def read(self, size: int, /) -> bytes:
        """So many bytes; fewer only once nobody waits for more."""
        data = b""
        while len(data) < size:
            part = self._file.read(size - len(data))
            data += part
            if not part and self._stop.wait(LOOK_SECONDS):
                break
        return data

    def close(self) -> None:
        """No more is read."""
        self._file.close()


class Followed(Kept):
    """A recording that grows while it is watched; `KEPT` once its end is there.

    so_far: what the file held when it was opened; None: nothing yet, so that what it is of is not known either.
    """

    def __init__(self, so_far: Recording | None, file: Path) -> None:
        about = Description((), ()) if so_far is None else so_far.about
        super().__init__(Recording(about), file, f"Waiting for the first measured step in {file.name} …")
        self.status = Status.GROWING
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, args=(file,), daemon=True)
        self._thread.start()

    @property
    def recording(self) -> Recording:
        """What the history holds."""
        steps, events = self.history.snapshot()
        frames = tuple(frame for each in steps for frame in each)
        return Recording(self.description.config or self.description, frames, tuple(events))

    def close(self) -> None:
        """Wait no longer for more."""
        self._stop.set()
        self._thread.join()

    def _follow(self, path: Path) -> None:
        file = Growing(path, self._stop)
        try:
            reader = StreamReader(file)  # type: ignore[arg-type]  # it asks for read() alone
            self.description = reader.description
            for item in reader:
                if isinstance(item, Event):
                    self.history.add_event(item)
                elif not isinstance(item, Note):
                    self.history.add(item)
                    self.text = ""
                self._audience.tell()
            self.text = reader.damage
        except (OSError, ValueError) as error:  # the file was taken away, or written anew by somebody else
            self.text = f"{path.name} can no longer be read: {error}"
        finally:
            file.close()
            self.status = Status.KEPT
            self._audience.tell()
