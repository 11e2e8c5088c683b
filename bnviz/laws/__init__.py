"""The tool tests its own numbers: known laws, each with what it says and what comes out on this machine."""

from __future__ import annotations

import itertools
import textwrap
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bnviz.laws.law import Law


@dataclass(frozen=True)
class Result:
    """A law and what came out: a row of the table."""

    number: int
    law: str
    source: str
    expected: str
    measured: str
    passed: bool
    seconds: float
    total: int = 1
    """How many laws are measured in this check."""


def run(only: Collection[int] | None = None) -> Iterator[Result]:
    """Measure every law, or those of these numbers, and yield each result as soon as it is there.

    The caller's random state stays as it is. Errors: ValueError for a number that no law has.
    """
    # torch costs seconds, and this module serves pages too.
    from bnviz.laws import at_init, batchnorm, shift, trained  # noqa: PLC0415  torch takes seconds, and reading titles needs none

    laws = (*batchnorm.LAWS, *shift.LAWS, *at_init.LAWS, *trained.LAWS)
    known = {law.number: law for law in laws}
    numbers = sorted(known if only is None else set(only))
    if unknown := [number for number in numbers if number not in known]:
        raise ValueError(f"only must name laws from {min(known)} to {max(known)}, got {unknown[0]}.")
    for number in numbers:
        yield _result(known[number], len(numbers))


def _result(law: Law, total: int) -> Result:
    import torch  # noqa: PLC0415  the same

    from bnviz.laws.law import Outcome  # noqa: PLC0415  the same

    started = time.perf_counter()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(law.number)
        try:
            outcome = law.measure()
        except Exception as error:  # noqa: BLE001 (a broken law must not hide the others)
            outcome = Outcome(f"{type(error).__name__}: {error}", False)
    seconds = time.perf_counter() - started
    passed = bool(outcome.passed)  # NumPy's own is no JSON
    return Result(law.number, law.law, law.source, law.expected, outcome.measured, passed, seconds, total)


COLUMNS = (("#", 2), ("law", 28), ("source", 19), ("expected", 22), ("measured", 15), ("", 4))
"""Titles and widths: 100 characters with two spaces between columns."""


def header() -> str:
    """The table's first two lines."""
    return f"{_row([title for title, _ in COLUMNS])}\n{'-' * (sum(w for _, w in COLUMNS) + 2 * len(COLUMNS) - 2)}"


def format_row(result: Result) -> str:
    """A result as a row of the table, wrapped within its columns."""
    verdict = "pass" if result.passed else "FAIL"
    return _row([str(result.number), result.law, result.source, result.expected, result.measured, verdict])


def summary(results: Sequence[Result]) -> str:
    """The last line, such as `26 of 26 laws hold (73 s)`."""
    held = sum(result.passed for result in results)
    return f"{held} of {len(results)} laws hold ({sum(result.seconds for result in results):.0f} s)"


def _row(cells: Sequence[str]) -> str:
    wrapped = [textwrap.wrap(cell, width) for cell, (_, width) in zip(cells, COLUMNS, strict=True)]
    lines = itertools.zip_longest(*wrapped, fillvalue="")
    widths = [width for _, width in COLUMNS]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
