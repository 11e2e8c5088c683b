"""A report in a terminal, 80 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from bnviz.comparing import tables
from bnviz.comparing.planning import Plan
from bnviz.comparing.report import Report
from bnviz.comparing.tables import Table
from bnviz.comparing.wording import called, capital

WIDTH = 80
MOST_LAYERS = 12
"""Of a longer net, the first and the last half as many are shown."""
NAME = 16
"""Longer names of layers are cut, at their beginning."""


def text(report: Report) -> str:
    """All of a report but the changes, which were said before it started."""
    parts = [_wrapped(report.verdict), "\n".join(_wrapped(each, "- ") for each in report.remarks)]
    parts += [_table(table) for table in (tables.outcomes(report), tables.differences(report))]
    parts.append(_wrapped(f"By layer. {tables.COLUMNS}"))
    parts += [_table(_shortened(table)) for table in tables.layers(report)]
    return "\n\n".join(part for part in parts if part)


def plan_text(plan: Plan) -> str:
    """What each variant is, before it starts."""
    return "\n".join(_wrapped(line, indent) for indent, line in _plan(plan))


def _plan(plan: Plan) -> Iterator[tuple[str, str]]:
    for variant, changes in plan.changes.items():
        if variant in plan.same:
            yield "", f"{capital(called(variant))}: the same net as '{plan.same[variant]}', and not trained twice."
        elif not changes:
            yield "", f"{capital(called(variant))}: nothing is changed."
        else:
            yield "", f"{capital(called(variant))}:"
            yield from (("  ", change) for change in changes)
        yield from (("  left as it is: ", reason) for reason in plan.left[variant])


def _wrapped(line: str, indent: str = "") -> str:
    return textwrap.fill(line, WIDTH, initial_indent=indent, subsequent_indent=" " * min(len(indent), 4),
                         break_on_hyphens=False)  # fmt: skip


def _table(table: Table) -> str:
    rows = [table.head, *table.rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]).rstrip()
        for row in rows
    ]
    return "\n".join([_wrapped(table.caption), *lines])


def _shortened(table: Table) -> Table:
    rows = [(row[0] if len(row[0]) <= NAME else f"…{row[0][1 - NAME :]}", *row[1:]) for row in table.rows]
    if len(rows) > MOST_LAYERS:
        half = MOST_LAYERS // 2
        rows[half:-half] = [("…", *[""] * (len(table.head) - 1))]
    return Table(table.caption, table.head, tuple(rows))
