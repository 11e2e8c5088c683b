"""The recordings on this machine: every run of the page, and what was added by hand, in one bounded folder.

In the folder `BNVIZ_RECORDINGS`, else where a user's data are. Files that the shelf has named itself are removed when
there are too many (see `room`); a file with another name is listed, and never removed but by hand. Several servers
may share it: each keeps the modification time of what it writes recent, so that no other takes it for cut short.

Who sees what: on the user's own machine (`bnviz` without --lan, asked from that machine) everything on the shelf; on
a server for others each visitor their own runs and uploads, told apart by a cookie, of which a digest alone is kept.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from bnviz.frames import Description, Event, Frame
from bnviz.recording import copy_safely
from bnviz.recording.arrow import CUT
from bnviz.recording.framing import ended
from bnviz.serve.follow import still_written
from bnviz.serve.shelf.card import Card, begun, clean_name
from bnviz.serve.shelf.entry import OURS, Entry, card_of, examined, forget, write_card
from bnviz.serve.shelf.room import Stored, surplus

MAX_BYTES = 4_000_000_000
"""Of all files that the shelf has named, unless somebody says otherwise."""
MAX_FILES = 200
MAX_UPLOAD_MEGABYTES = 100
"""Of a recording that is added by hand."""
UNDO_SECONDS = 600.0
"""What was removed can be put back for so long."""
log = logging.getLogger(__name__)


def default_folder() -> Path:
    """Where recordings are kept unless somebody says otherwise."""
    home = {"darwin": "Library/Application Support", "win32": "AppData/Local"}.get(sys.platform, ".local/share")
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / home
    return Path(os.environ.get("BNVIZ_RECORDINGS") or Path(data) / "bnviz" / "recordings")


def owner_mark(visitor: str) -> str:
    """What stands for a visitor on disk: no name, and no key."""
    return hashlib.sha256(visitor.encode()).hexdigest()[:24] if visitor else ""


class Shelf:
    """The folder; thread-safe."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_folder()
        self.most_bytes = MAX_BYTES
        self.full = False
        """Whether what may not be removed takes all there is room for."""
        self._writing: set[Path] = set()  # by this server; a run that rests writes nothing for hours, and goes on
        self._removed: dict[Path, float] = {}  # when, by a clock that nobody sets
        self._unwritten: dict[Path, Card] = {}  # cards of which the disk would have none
        self._lock = threading.Lock()

    # ---- a run that is written ----
    def begin(self, owner: str, description: Description) -> Path:
        """A file for a run that begins now, not yet there, and its card. Errors: OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self.folder / f"{secrets.token_hex(8)}.arrow"
        begun(owner_mark(owner), description).write(card_of(file))
        self._writing.add(file)
        return file

    def resume(self, file: Path) -> bool:
        """A run goes on that was concluded: whether its file is still there to be written on."""
        self._writing.add(file)  # first: so it cannot be removed in between
        if not file.exists():
            self._writing.discard(file)
            return False
        return True

    def conclude(
        self, file: Path, description: Description, steps: list[tuple[Frame, ...]], events: list[Event]
    ) -> None:
        """A run is written: note what became of it; one without a second measured step leaves nothing."""
        self._writing.discard(file)
        try:
            with self._lock:
                if len(steps) < 2:
                    forget(file)
                else:
                    # Another server on this folder may have taken it for cut short while this machine slept.
                    card = Card.read(card_of(file)) or Card(began=time.time())
                    card = replace(card, damage="" if ended(file) else CUT)
                    write_card(file, card.told(description, steps, events), time.time())
        except OSError as error:
            log.warning("The card of %s cannot be written: %s", file, error)

    # ---- what there is ----
    def entries(self, visitor: str | None) -> list[Entry]:
        """What is on the shelf, the newest first; of this visitor, or all (None)."""
        if visitor == "":  # nobody in particular has none, also where some are nobody's
            return []
        found = [entry for file in self._files() if (entry := self._entry(file)) is not None]
        mine = [each for each in found if visitor is None or each.card.owner == owner_mark(visitor)]
        return sorted(mine, key=lambda entry: entry.card.began, reverse=True)

    def entry(self, key: str, visitor: str | None) -> Entry | None:
        """One of them by its key; None where there is none, or it is somebody else's."""
        return next((each for each in self.entries(visitor) if each.key == key), None)

    def _files(self) -> Iterator[Path]:
        with suppress(OSError):
            yield from self.folder.glob("*.arrow")

    def examine(self, entry: Entry) -> Card:
        """Read a recording of which too little is known, in a process of its own, and write its card anew.

        Where that cannot be written it is remembered, so that no file is read again and again.
        """
        card = replace(examined(entry), size=entry.size)
        try:
            card = write_card(entry.file, card, entry.file.stat().st_mtime)
        except OSError as error:
            log.warning("The card of %s cannot be written: %s", entry.file, error)
        if Card.read(card_of(entry.file)) != card:
            with self._lock:
                self._unwritten[entry.file] = card
                if len(self._unwritten) > MAX_FILES:
                    del self._unwritten[next(iter(self._unwritten))]
        return card

    # ---- what people do with them ----
    def rename(self, entry: Entry, name: str) -> None:
        """Call it something else; an empty name is none. Errors: OSError."""
        with self._lock:
            replace(Card.read(card_of(entry.file)) or entry.card, name=clean_name(name)).write(card_of(entry.file))

    def remove(self, entry: Entry) -> None:
        """Take it off the shelf; `restore` puts it back for a while. Errors: OSError."""
        entry.file.touch()  # from now on it is kept for UNDO_SECONDS
        gone = entry.file.replace(entry.file.with_suffix(".removed"))
        self._removed[gone] = time.monotonic()

    def restore(self, entry: Entry) -> bool:
        """Put back what was removed; False where it is gone by now."""
        try:
            entry.file.with_suffix(".removed").replace(entry.file)
        except OSError:
            return False
        return True

    def add(self, raw: bytes, called: str, visitor: str) -> Entry:
        """Put a recording from elsewhere on the shelf, as far as it can be read, and as clean as if written here.

        called: the name of its file. Errors: ValueError, in one sentence, when it is none, or too large; OSError.
        """
        name = clean_name(re.split(r"[\\/]", called)[-1]) or "recording.arrow"
        if len(raw) > MAX_UPLOAD_MEGABYTES * 1_000_000:
            raise ValueError(f"{name} is larger than the {MAX_UPLOAD_MEGABYTES} MB that are allowed.")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = self.folder / f"{secrets.token_hex(8)}.arrow"
        card = Card(name=name.removesuffix(".arrow"), owner=owner_mark(visitor), began=time.time())
        with tempfile.TemporaryDirectory() as folder:
            given, clean = Path(folder) / "given.arrow", self.folder / f"{target.stem}.partial"
            given.write_bytes(raw)
            try:
                card = replace(card, damage=copy_safely(given, clean) or ("" if ended(given) else CUT))
                card.write(card_of(target))  # first: what is on the shelf without one is nobody's
                clean.replace(target)
            except OSError:
                card_of(target).unlink(missing_ok=True)
                raise
            except ValueError as error:
                told = str(error)
                raise ValueError(f"{name} was not added: {told[:1].lower()}{told[1:]}") from None
            finally:
                clean.unlink(missing_ok=True)
        entry = Entry(target.stem, target, target.stat().st_size, card, False)
        return replace(entry, card=self.examine(entry))

    # ---- room ----
    def make_room(self, spare: Collection[Path] = ()) -> None:
        """Remove as much as it takes (see `room`); never what is being written, nor any of `spare`."""
        for file in tuple(self._writing):
            with suppress(OSError):  # it has been removed by hand
                os.utime(file)  # tells other servers that it is being written, also while its run rests
        stored = []
        for file in self._removable():
            with suppress(OSError):  # another process is at it too
                told = file.stat()
                if file.suffix != ".arrow" and self._age(file, told.st_mtime) > UNDO_SECONDS:
                    forget(file)
                    self._removed.pop(file, None)
                else:
                    spared = file in spare or (file.suffix == ".arrow" and self._grows(file))
                    stored.append(Stored(file, told.st_mtime, told.st_size, spared))
        total = sum(each.size for each in stored)
        for each in surplus(stored, MAX_FILES, self.most_bytes):
            with suppress(OSError):
                forget(each.file)
                total -= each.size
        self.full = total > self.most_bytes

    def _age(self, file: Path, written: float) -> float:
        """Seconds since a file was removed; since it was written to, where another server or nobody did."""
        known = self._removed.get(file)
        return time.time() - written if known is None else time.monotonic() - known

    def _grows(self, file: Path) -> bool:
        return file in self._writing or still_written(file)

    def _entry(self, file: Path) -> Entry | None:
        with suppress(OSError):  # removed just now
            told = file.stat()
            card = Card.read(card_of(file)) or Card(began=told.st_mtime)
            held = self._unwritten.get(file)
            if held is not None and held.size == told.st_size != card.size:
                card = held
            return Entry(file.stem, file, told.st_size, card, self._grows(file))
        return None

    def _removable(self) -> Iterator[Path]:
        with suppress(OSError):
            yield from self.folder.glob("*.removed")
        for kind in ("*.arrow", "*.partial"):
            with suppress(OSError):
                yield from (file for file in self.folder.glob(kind) if OURS.fullmatch(file.stem))
