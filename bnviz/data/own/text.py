"""Text with a row a line, as a table: encoding, separator, header and decimal sign are found out."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from bnviz.config.own import MAX_COLUMNS
from bnviz.data.own.mistake import Mistake, counted, listed

if TYPE_CHECKING:
    import pandas as pd

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars", " ": "spaces"}
FIRST_LINES = 50
"""The separator is found in so many."""
MISSING = ["?"]
"""Beside the empty field, NA, NaN, null and the like, which pandas knows."""
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_DECIMAL_COMMA, _DECIMAL_POINT = re.compile(r"(?<!\d)\d+,\d+(?!\d)"), re.compile(r"\d\.\d")


def table(raw: bytes, called: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The table in the bytes of a CSV file, and a sentence on whatever had to be found out. Errors: Mistake."""
    import pandas as pd

    text, notes = _decoded(raw, called)
    separator = _separator(text)
    end, first, fields = _checked(text, separator, called)
    names = [name.strip() or f"column {place}" for place, name in enumerate(first, 1)]
    if len(names) != fields or all(map(_is_number, names)):
        end = end if len(names) != fields else 0
        what = "has another number of fields and is left out" if end else "holds numbers, no names"
        notes.append(f"The first line {what}: columns are called by their places.")
        names = [f"column {place}" for place in range(1, fields + 1)]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise Mistake(f"{called} has more than one column called {listed(twice)}; each name may be there once.")
    decimal = "."
    if separator == ";" and _DECIMAL_COMMA.search(text) and not _DECIMAL_POINT.search(text):
        decimal = ","
        notes.append("Numbers are read with a decimal comma.")
    if separator != ",":
        notes.append(f"Fields are separated by {SEPARATORS[separator]}.")
    rest = io.StringIO(text, newline="")
    for _ in range(end):
        next(rest)
    found = pd.read_csv(
        rest, sep=separator, header=None, names=names, na_values=MISSING, decimal=decimal, index_col=False,
        low_memory=False, skipinitialspace=True,
    )  # fmt: skip
    return found, tuple(notes)


def _decoded(raw: bytes, called: str) -> tuple[str, list[str]]:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Mistake(f"{called} is text in UTF-16; UTF-8 is allowed: save it as “CSV UTF-8”.")
    notes: list[str] = []
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
        notes.append("The text is no UTF-8 and was read as Latin-1: look at names with special letters.")
    if _CONTROL.search(text):
        raise Mistake(f"{called} is no text, or in an encoding that is not known; CSV in UTF-8 is allowed.")
    if not text.strip():
        raise Mistake(f"{called} is empty; a row for each sample is needed.")
    return text, notes


def _separator(text: str) -> str:
    """The separator with which the first line has as many fields as all others, and most; a comma where none makes two.

    Where the first line is another matter, what makes most fields of every line below it.
    """
    best, most = ",", (False, 1)
    for separator in SEPARATORS:
        first, *counts = [len(row) for _, row in islice(_rows(text, separator), FIRST_LINES)]
        fewest = min(counts, default=first)
        uneven = len({first, *counts}) > 1
        found = (not uneven, fewest)
        if fewest > 1 and found > most and not (separator == " " and uneven):  # prose has spaces too
            best, most = separator, found
    return best


def _rows(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The fields of each row that is not blank, with the number of the line that it ends on."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    for row in reader:
        if row and row != [""]:
            yield reader.line_num, row


def _checked(text: str, separator: str, called: str) -> tuple[int, list[str], int]:
    """The line that the first row ends on, its fields, and how many all others have. Errors: Mistake if they differ."""
    rows = _rows(text, separator)
    end, first = next(rows)
    since, second = next(rows, (0, []))
    fields = len(second)
    if not second:
        raise Mistake(f"{called} has no rows below its first line; a row for each sample is needed.")
    if fields > MAX_COLUMNS:
        raise Mistake(f"{called} has {fields:,} columns; at most {MAX_COLUMNS:,} are allowed.")
    for line, row in rows:
        if len(row) != fields:
            raise Mistake(
                f"Line {line:,} of {called} has {counted(len(row), 'field')}, line {since:,} has {fields:,}; all must "
                f"have the same, separated by {SEPARATORS[separator]}."
            )
    return end, first, fields


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
