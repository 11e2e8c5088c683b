"""Which recordings go where there are too many: so chosen that nobody can drive out what is somebody else's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bnviz.serve.shelf.card import Card
from bnviz.serve.shelf.entry import card_of


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that takes room."""

    file: Path
    written: float
    """When, in seconds since 1970."""
    size: int
    spared: bool
    """Whether it stays in any case."""

    @property
    def listed(self) -> bool:
        """Whether it is a recording that somebody can see; what was removed, or never came to be, goes first."""
        return self.file.suffix == ".arrow"


def surplus(stored: Iterable[Stored], most_files: int, most_bytes: int) -> Iterator[Stored]:
    """What has to go, one by one: each time, of whoever has most of what there is too much of, the oldest."""
    left, owners = list(stored), dict[Path, str]()
    while (large := sum(each.size for each in left) > most_bytes) or len(left) > most_files:
        owners = owners or {each.file: owner_of(each.file) for each in left}
        share: Counter[str] = Counter()
        for each in left:
            share[owners[each.file]] += each.size if large else 1
        free = [each for each in left if not each.spared]
        if not free:
            return
        gone = min(free, key=lambda each: (each.listed, -share[owners[each.file]], each.written))
        left.remove(gone)
        yield gone


def owner_of(file: Path) -> str:
    """Whose a file is, as its card has it; empty: nobody's."""
    card = Card.read(card_of(file))
    return "" if card is None else card.owner
