"""What is wrong with a file of somebody's own, and how lists of names and numbers are said."""

from __future__ import annotations

from collections.abc import Iterable


class Mistake(ValueError):
    """A file that cannot be used as it is; the message is one sentence: what was given, and what is allowed."""

    def __init__(self, sentence: str, columns: Iterable[str] = ()) -> None:
        super().__init__(sentence)
        self.columns = tuple(columns)
        """Of the file, where they could be read: one of them may be a better target."""


def listed(names: Iterable[object], most: int = 8) -> str:
    """Names in one line; of many, the first ones and how many more there are."""
    texts = [text if len(text := " ".join(str(name).split())) <= 40 else f"{text[:39]}…" for name in names]
    more = f" and {len(texts) - most:,} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def counted(count: int, what: str) -> str:
    """`1 row`, `1,000 rows`, `2 classes`."""
    plural = f"{what}es" if what.endswith("s") else f"{what}s"
    return f"{count:,} {what if count == 1 else plural}"
