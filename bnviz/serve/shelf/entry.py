"""A recording on the shelf: its file, and the card beside it."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace
from pathlib import Path

from bnviz.recording import load_safely
from bnviz.recording.arrow import CUT
from bnviz.recording.framing import ended
from bnviz.serve.shelf.card import Card, clean_name

OURS = re.compile(r"[0-9a-f]{16}")
"""How the shelf names its files."""
UNSHOWABLE = "It cannot be shown: what it tells of its run does not fit together."
log = logging.getLogger(__name__)


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
        if self.card.name or not OURS.fullmatch(self.key):
            return self.card.name or clean_name(self.key)
        return self.card.usual_name

    @property
    def known(self) -> bool:
        """Whether its card is of the file as it is; while it grows nobody has to look."""
        return self.writing or self.card.size == self.size


def card_of(file: Path) -> Path:
    """Where a recording's card is."""
    return file.with_suffix(".card.json")


def write_card(file: Path, card: Card, at: float) -> Card:
    """Write the card of a file as it is now, which ended then; return it. Errors: OSError."""
    card = replace(card, ended=at, size=file.stat().st_size)
    card.write(card_of(file))
    return card


def examined(entry: Entry) -> Card:
    """The entry's card with what is in its file, whatever that may be; read in a process of its own."""
    nothing = replace(entry.card, step=0, measured=0, picture="")
    try:
        found = load_safely(entry.file, thinned=True)
    except ValueError as error:
        return replace(nothing, damage=str(error))
    except OSError as error:
        return replace(nothing, damage=f"It cannot be read: {error.strerror or error}.")
    try:
        damage = entry.card.damage or found.damage or ("" if entry.writing or ended(entry.file) else CUT)
        return replace(entry.card, damage=damage).told(found.description, list(found.steps()), list(found.events))
    except Exception:  # one file must not take the whole list along
        log.warning("%s cannot be shown.", entry.file, exc_info=True)
        return replace(nothing, damage=UNSHOWABLE)


def forget(file: Path) -> None:
    """Remove it for good, and its card. Errors: OSError."""
    file.unlink(missing_ok=True)
    card_of(file).unlink(missing_ok=True)
