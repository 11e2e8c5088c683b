"""The text of a lesson: paragraphs and lists with a few marks of Markdown, as pieces that need no HTML to be shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Mark = Literal["", "strong", "em", "code"]
_MARKED = re.compile(r"\*\*(?P<strong>[^*]+)\*\*|\*(?P<em>[^*\s][^*]*)\*|`(?P<code>[^`]+)`")
_HTML = re.compile(r"<[A-Za-z/!]")


@dataclass(frozen=True)
class Part:
    """A piece of text, as it is to be set."""

    text: str
    mark: Mark = ""


@dataclass(frozen=True)
class Block:
    """A paragraph, or an item of a list."""

    parts: tuple[Part, ...]
    item: bool = False


def blocks(lines: list[str]) -> tuple[Block, ...]:
    """The paragraphs and items: an empty line ends a paragraph, `- ` begins an item."""
    found: list[tuple[str, bool]] = []
    fresh = True
    for line in (each.strip() for each in lines):
        if line.startswith("- "):
            found.append((line[2:].strip(), True))
        elif line and (fresh or not found):
            found.append((line, False))
        elif line:
            found[-1] = (f"{found[-1][0]} {line}", found[-1][1])
        fresh = not line
    return tuple(Block(parts(text), item) for text, item in found)


def parts(text: str) -> tuple[Part, ...]:
    """Text with **bold**, *italics* and `code`, in pieces."""
    found, at = [], 0
    for match in _MARKED.finditer(text):
        found += [Part(text[at : match.start()])] if match.start() > at else []
        mark = match.lastgroup
        assert mark is not None
        found.append(Part(match[mark], mark))  # type: ignore[arg-type]  # the groups are the marks
        at = match.end()
    return (*found, *([Part(text[at:])] if at < len(text) else []))


def has_html(line: str) -> bool:
    """Whether something in it looks like HTML."""
    return _HTML.search(line) is not None
