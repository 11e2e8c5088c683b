"""Two charts of a report as SVG: where every seed ended, by variant and rate, and the training loss over steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape

import numpy as np

from bnviz.charts.look import PALETTE
from bnviz.comparing.judging import Standing
from bnviz.comparing.report import Report

WIDE, NARROW = 720, 350
"""Widths in units of text that is 12 high: of a window, and of a phone."""
LEFT, RIGHT, ROW = 170, 20, 20
CURVES_HEIGHT = 240
_COLORS = PALETTE["light"]


def dots(report: Report, width: int = WIDE) -> str:
    """A row for each variant and rate, a dot for each seed; seeds that did not end finite are counted at the left."""
    values = [getattr(run, report.outcome) for run in report.runs if run.finished]
    if not values:
        return ""
    place = _scale(min(values), max(values), LEFT, width - RIGHT)
    rows, y = ['<text x="0" y="32" opacity=".7">* best rate; lost: no finite loss</text>'], 52
    for index, each in enumerate(report.standings):
        color = _COLORS.arm(index)
        for rate in report.settings.rates:
            runs = [run for run in report.runs if (run.variant, run.learning_rate) == (each.variant, rate)]
            lost = sum(not run.finished for run in runs)
            label = f"{each.variant}, {rate:g}{' *' if rate == each.learning_rate else ''}"
            rows.append(f'<text x="0" y="{y + 4}">{escape(label)}</text>')
            rows.append(
                f'<line x1="{LEFT}" x2="{width - RIGHT}" y1="{y}" y2="{y}" stroke="currentColor" opacity=".15"/>'
            )
            if lost:
                rows.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end" opacity=".7">{lost} lost</text>')
            rows += [f'<circle cx="{place(getattr(run, report.outcome)):.1f}" cy="{y}" r="4.5" fill="{color}" '
                     f'fill-opacity=".65"/>' for run in runs if run.finished]  # fmt: skip
            y += ROW
    title = "Test accuracy of each seed" if report.outcome == "test_accuracy" else "Test loss of each seed"
    ends = "".join(f'<text x="{place(end):.1f}" y="{y + 8}" text-anchor="{anchor}" opacity=".7">{end:.4g}</text>'
                   for end, anchor in ((min(values), "start"), (max(values), "end")))  # fmt: skip
    return _svg(title, "".join(rows) + ends, y + 16, width)


def curves(report: Report, width: int = WIDE) -> str:
    """The median over seeds of the training loss, each variant at its best rate."""
    known = [(index, each, curve) for index, each in enumerate(report.standings) if (curve := _curve(each)).size]
    if not known:
        return ""
    logs = np.concatenate([curve for _, _, curve in known])
    across = _scale(0, max(curve.size for _, _, curve in known) - 1 or 1, LEFT, width - RIGHT)
    down = _scale(float(logs.max()), float(logs.min()), 30, CURVES_HEIGHT - 20)
    drawn = []
    for index, each, curve in known:
        points = " ".join(f"{across(i):.1f},{down(value):.1f}" for i, value in enumerate(curve))
        color = _COLORS.arm(index)
        drawn.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
        label = f"{each.variant}, {each.learning_rate:g}"
        drawn.append(f'<rect x="0" y="{40 + ROW * index}" width="12" height="12" fill="{color}"/>'
                     f'<text x="18" y="{50 + ROW * index}">{escape(label)}</text>')  # fmt: skip
    for end in (logs.min(), logs.max()):
        drawn.append(
            f'<text x="{LEFT - 6}" y="{down(end) + 4:.1f}" text-anchor="end" opacity=".7">{10**end:.3g}</text>'
        )
    steps = f'<text x="{width - RIGHT}" y="{CURVES_HEIGHT - 2}" text-anchor="end" opacity=".7">' \
            f"step {report.settings.steps:,}</text>"  # fmt: skip
    return _svg("Training loss, logarithmic", "".join(drawn) + steps, CURVES_HEIGHT, width)


def _curve(each: Standing) -> np.ndarray:
    """Common logarithms of the medians; empty where no seed ended finite or a loss is not positive."""
    found = [run.curve for run in each.runs if run.finished]
    medians = np.median(found, axis=0) if found else np.zeros(0)
    return np.log10(medians) if (medians > 0).all() else np.zeros(0)


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    span = high - low
    if not math.isfinite(span) or span == 0:
        return lambda value: (start + end) / 2
    return lambda value: start + (value - low) / span * (end - start)


def _svg(title: str, inside: str, height: int, width: int) -> str:
    return (f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="{escape(title)}">'
            f'<text x="0" y="14" font-weight="600">{escape(title)}</text>{inside}</svg>')  # fmt: skip
