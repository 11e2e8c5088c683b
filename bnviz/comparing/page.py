"""A report as HTML that needs no network: the sentence, two charts, and all tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape

import numpy as np

from bnviz.comparing import tables
from bnviz.comparing.drawing import NARROW, WIDE, curves, dots
from bnviz.comparing.report import Report
from bnviz.comparing.tables import Table
from bnviz.comparing.wording import called, capital

STYLE = """
.bnviz-report { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem }
.bnviz-report h2 { font-size: 1.4rem; line-height: 1.3; margin: .5em 0 }
.bnviz-report h3 { font-size: 1rem; margin: 1.6em 0 .3em }
.bnviz-report table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .3em 0 1em; display: block;
  overflow-x: auto }
.bnviz-report td, .bnviz-report th { padding: .15em .8em; text-align: right; border-bottom: 1px solid #8884;
  white-space: nowrap; background: none }
.bnviz-report td:first-child, .bnviz-report th:first-child { text-align: left; padding-left: 0 }
.bnviz-report caption { text-align: left; padding: .3em 0; opacity: .75 }
.bnviz-report svg { max-width: 100%; height: auto; font: 12px system-ui, sans-serif; fill: currentColor }
.bnviz-report .bnviz-narrow { display: none }
@media (max-width: 46rem) {
  .bnviz-report .bnviz-wide { display: none }
  .bnviz-report .bnviz-narrow { display: block }
  .bnviz-report ul { padding-left: 1.2em }
}
"""


def fragment(report: Report) -> str:
    """The report as a notebook shows it."""
    return f'<style>{STYLE}</style><div class="bnviz-report">{"".join(_parts(report))}</div>'


def page(report: Report) -> str:
    """The report as a page of its own."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<style>:root{color-scheme:light dark}</style>"
        f"<title>{escape(report.verdict)}</title></head>"
        f'<body style="margin: 2rem auto; max-width: 60rem; padding: 0 1rem">{fragment(report)}</body></html>\n'
    )


def _parts(report: Report) -> Iterator[str]:
    yield f"<h2>{escape(report.verdict)}</h2>"
    yield _listed(report.remarks)
    yield from (_both_ways(draw, report) for draw in (dots, curves))
    yield _table(tables.outcomes(report))
    yield _table(tables.differences(report))
    yield f"<h3>By layer</h3><p>{escape(tables.COLUMNS)}</p>"
    yield from map(_table, tables.layers(report))
    yield "<h3>What was changed</h3>"
    for variant, changes in report.changes.items():
        same = report.plan.same.get(variant)
        told = [f"The same net as '{same}', and not trained twice."] if same else [*changes] or ["Nothing."]
        left = [f"Left as it is: {reason}" for reason in report.left[variant]]
        yield f"<p>{escape(capital(called(variant)))}</p>{_listed([*told, *left])}"
    yield f"<h3>How it was trained</h3><p>{escape(_settings(report))}</p>"


def _both_ways(draw: Callable[[Report, int], str], report: Report) -> str:
    """A chart for a window and one for a phone, of which one is shown: text in both is as large as the page's."""
    shapes = (("wide", WIDE), ("narrow", NARROW))
    return "".join(f'<div class="bnviz-{name}">{draw(report, width)}</div>' for name, width in shapes)


def _settings(report: Report) -> str:
    settings = report.settings
    seconds = np.nansum([run.seconds for run in report.runs])
    return (
        f"{settings.steps:,} steps of {settings.batch_size} samples, {settings.optimizer_title}, rates "
        f"{', '.join(f'{rate:g}' for rate in settings.rates)}, seeds {', '.join(map(str, settings.seeds))}; "
        f"{len(report.runs)} runs of {seconds / len(report.runs):.1f} s. Variants start from the same weights and see "
        "the same batches."
    )


def _listed(sentences: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(each)}</li>' for each in sentences)}</ul>" if sentences else ""


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.head)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
    return f"<table><caption>{escape(table.caption)}</caption><tr>{head}</tr>{rows}</table>"
