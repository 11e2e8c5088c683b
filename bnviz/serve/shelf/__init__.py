"""The recordings on this machine: every run of the page, and what was added by hand, in one bounded folder.

In the folder `BNVIZ_RECORDINGS`, else where a user's data are. Files that the shelf has named itself are removed when
there are too many, the oldest first; a file with another name is listed, and never removed but by hand.

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
from dataclasses import dataclass, replace
from pathlib import Path

from bnviz.frames import Description, Event, Frame
from bnviz.recording import copy_safely, load_safely
from bnviz.recording.arrow import CUT
from bnviz.recording.framing import ended
from bnviz.serve.follow import still_written
from bnviz.serve.shelf.card import Card, begun, clean_name

MAX_BYTES = 4_000_000_000
"""Of all files that the shelf has named."""
MAX_FILES = 200
MAX_UPLOAD_MEGABYTES = 100
"""Of a recording that is added by hand."""
UNDO_SECONDS = 600.0
"""What was removed can be put back for so long."""
_OURS = re.compile(r"[0-9a-f]{16}")
log = logging.getLogger(__name__)


def default_folder() -> Path:
    """Where recordings are kept unless somebody says otherwise."""
    home = {"darwin": "Library/Application Support", "win32": "AppData/Local"}.get(sys.platform, ".local/share")
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / home
    return Path(os.environ.get("BNVIZ_RECORDINGS") or Path(data) / "bnviz" / "recordings")


def owner_mark(visitor: str) -> str:
    """What stands for a visitor on disk: no name, and no key."""
    return hashlib.sha256(visitor.encode()).hexdigest()[:24] if visitor else ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A recording on the shelf."""

    key: str
    file: Path
    size: int
    card: Card
    writing: bool
    """Whether it still grows."""

    @property
    def title(self) -> str:
        """What it is called: by somebody, by its file if that was named by hand, or by its settings."""
        if self.card.name or not _OURS.fullmatch(self.key):
            return self.card.name or clean_name(self.key)
        return self.card.usual_name

    @property
    def known(self) -> bool:
        """Whether its card is of the file as it is; while it grows nobody has to look."""
        return self.writing or self.card.size == self.size


class Shelf:
    """The folder; thread-safe."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_folder()
        self.full = False
        """Whether what may not be removed takes all there is room for."""
        self._lock = threading.Lock()

    # ---- a run that is written ----
    def begin(self, owner: str, description: Description) -> Path:
        """A file for a run that begins now, not yet there, and its card. Errors: OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self.folder / f"{secrets.token_hex(8)}.arrow"
        begun(owner_mark(owner), description).write(_card_of(file))
        return file

    def conclude(
        self, file: Path, description: Description, steps: list[tuple[Frame, ...]], events: list[Event]
    ) -> None:
        """A run is written: note what became of it; one without a second measured step leaves nothing."""
        try:
            with self._lock:
                if len(steps) < 2:
                    _forget(file)
                else:
                    card = Card.read(_card_of(file)) or Card(began=time.time())
                    _write_card(file, card.told(description, steps, events), time.time())
        except OSError as error:
            log.warning("The card of %s cannot be written: %s", file, error)

    # ---- what there is ----
    def entries(self, visitor: str | None) -> list[Entry]:
        """What is on the shelf, the newest first; of this visitor, or all (None)."""
        found = [entry for file in self._files() if (entry := _entry(file)) is not None]
        mine = [each for each in found if visitor is None or each.card.owner == owner_mark(visitor)]
        return sorted(mine, key=lambda entry: entry.card.began, reverse=True)

    def entry(self, key: str, visitor: str | None) -> Entry | None:
        """One of them by its key; None where there is none, or it is somebody else's."""
        return next((each for each in self.entries(visitor) if each.key == key), None)

    def _files(self) -> Iterator[Path]:
        with suppress(OSError):
            yield from self.folder.glob("*.arrow")

    def examine(self, entry: Entry) -> Card:
        """Read a recording of which too little is known, in a process of its own, and write its card anew."""
        try:
            found = load_safely(entry.file, thinned=True)
        except ValueError as error:
            card = replace(entry.card, damage=str(error), step=0, measured=0, picture="")
        else:
            damage = entry.card.damage or found.damage or ("" if entry.writing or ended(entry.file) else CUT)
            card = replace(entry.card, damage=damage).told(found.description, list(found.steps()), list(found.events))
        try:
            return _write_card(entry.file, card, entry.file.stat().st_mtime)
        except OSError as error:
            log.warning("The card of %s cannot be written: %s", entry.file, error)
            return card

    # ---- what people do with them ----
    def rename(self, entry: Entry, name: str) -> None:
        """Call it something else; an empty name is none. Errors: OSError."""
        with self._lock:
            replace(Card.read(_card_of(entry.file)) or entry.card, name=clean_name(name)).write(_card_of(entry.file))

    def remove(self, entry: Entry) -> None:
        """Take it off the shelf; `restore` puts it back for a while. Errors: OSError."""
        entry.file.touch()  # from now on it is kept for UNDO_SECONDS
        entry.file.replace(entry.file.with_suffix(".removed"))

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
        with tempfile.TemporaryDirectory() as folder:
            given, clean = Path(folder) / "given.arrow", self.folder / f"{target.stem}.partial"
            given.write_bytes(raw)
            try:
                damage = copy_safely(given, clean) or ("" if ended(given) else CUT)
                clean.replace(target)
            except ValueError as error:
                told = str(error)
                raise ValueError(f"{name} was not added: {told[:1].lower()}{told[1:]}") from None
            finally:
                clean.unlink(missing_ok=True)
        card = Card(name=name.removesuffix(".arrow"), owner=owner_mark(visitor), began=time.time(), damage=damage)
        entry = Entry(target.stem, target, target.stat().st_size, card, False)
        return replace(entry, card=self.examine(entry))

    # ---- room ----
    def make_room(self, spare: Collection[Path] = ()) -> None:
        """Remove the oldest until the rest is small enough; never what is being written, nor any of `spare`."""
        now, kept = time.time(), []
        for file in self._removable():
            with suppress(OSError):  # another process is at it too
                told = file.stat()
                if file.suffix != ".arrow" and now - told.st_mtime > UNDO_SECONDS:
                    _forget(file)
                else:
                    kept.append((file.suffix == ".arrow", told.st_mtime, told.st_size, file))
        total, count = sum(size for _, _, size, _ in kept), len(kept)
        for _, _, size, file in sorted(kept):
            if total <= MAX_BYTES and count <= MAX_FILES:
                break
            with suppress(OSError):
                if file not in spare and not (file.suffix == ".arrow" and still_written(file)):
                    _forget(file)
                    total, count = total - size, count - 1
        self.full = total > MAX_BYTES

    def _removable(self) -> Iterator[Path]:
        with suppress(OSError):
            yield from self.folder.glob("*.removed")
        for kind in ("*.arrow", "*.partial"):
            with suppress(OSError):
                yield from (file for file in self.folder.glob(kind) if _OURS.fullmatch(file.stem))


def _card_of(file: Path) -> Path:
    return file.with_suffix(".card.json")


def _write_card(file: Path, card: Card, at: float) -> Card:
    card = replace(card, ended=at, size=file.stat().st_size)
    card.write(_card_of(file))
    return card


def _entry(file: Path) -> Entry | None:
    with suppress(OSError):  # removed just now
        card = Card.read(_card_of(file))
        told = file.stat()
        return Entry(file.stem, file, told.st_size, card or Card(began=told.st_mtime), still_written(file))
    return None


def _forget(file: Path) -> None:
    file.unlink(missing_ok=True)
    _card_of(file).unlink(missing_ok=True)
