"""An outcome along one axis of a sweep: medians as lines, quantiles over seeds as bands, with plotly.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bnviz.charts.look import PALETTE, Theme
from bnviz.config import TITLES
from bnviz.sweeping.pictures import written

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from bnviz.sweeping.results import Sweep

BAND = (0.1, 0.9)
"""Quantiles over seeds between which the band lies."""
MOST_PANELS = 8
"""Values of the other axis that get a panel, evenly chosen."""
APART = 4.0
"""Ratio of the ends from which on an axis may be logarithmic."""


def lines(sweep: Sweep, outcome: str, x: str | None, theme: Theme) -> go.Figure:
    """See `Sweep.lines`. Errors: ValueError for an axis or outcome that there is not."""
    import plotly.graph_objects as go  # noqa: PLC0415  when a picture is asked for
    from plotly.subplots import make_subplots  # noqa: PLC0415  the same

    across, other = _axes(sweep, x)
    table, kind, colors = sweep.judged(outcome), sweep.kind(outcome), PALETTE[theme]
    table = table.replace([np.inf, -np.inf], np.nan)
    values = sorted(set(table[other])) if other else [None]
    chosen = [values[place] for place in sorted({*np.linspace(0, len(values) - 1, MOST_PANELS).round().astype(int)})]
    titles = [f"{TITLES.get(str(other), other)} {written(value)}" for value in chosen] if other else None
    figure = make_subplots(1, len(chosen), shared_yaxes=True, subplot_titles=titles, horizontal_spacing=0.03)
    for panel, value in enumerate(chosen, 1):
        there = table if other is None else table[table[other] == value]
        for place, arm in enumerate(sweep.base.labels):
            told = _told(there[there["arm"] == arm], across, outcome)
            band, line = _traces(told, arm, colors.arm(place), first=panel == 1)
            figure.add_trace(go.Scatter(**band), 1, panel)
            figure.add_trace(go.Scatter(**line), 1, panel)
    logarithmic = _logarithmic(sorted(set(table[across])))
    figure.update_xaxes(title_text=TITLES.get(across, across), type="log" if logarithmic else None)
    figure.update_yaxes(title_text=kind.title, col=1)
    left_out = f", {len(values) - len(chosen)} more of {other} left out" if len(values) > len(chosen) else ""
    title = f"{kind.title}: medians, and {BAND[0]:.0%} to {BAND[1]:.0%} of {table['seed'].nunique()} seeds{left_out}"
    figure.update_layout(title=title, template="plotly_white", height=380)
    return figure


def _axes(sweep: Sweep, x: str | None) -> tuple[str, str | None]:
    if not sweep.axes:
        raise ValueError("Lines go along an axis, and this sweep has none but its seeds.")
    across = x or sweep.axes[-1]
    if across not in sweep.axes:
        raise ValueError(f"An axis must be one of {', '.join(sweep.axes)}, got {across!r}.")
    return across, next((each for each in sweep.axes if each != across), None)


def _told(rows: pd.DataFrame, across: str, outcome: str) -> pd.DataFrame:
    """For each value of the axis `low`, `median` and `high`, NaN where all diverged, and `lost`, the share that did."""
    groups = rows.groupby(across)[outcome]
    told = groups.quantile(np.array([BAND[0], 0.5, BAND[1]])).unstack()
    told.columns = ["low", "median", "high"]
    return told.assign(lost=rows.groupby(across)["diverged"].mean())


def _traces(told: pd.DataFrame, arm: str, color: str, first: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    at, known = list(told.index), told.dropna()
    band = {
        "x": [*known.index, *known.index[::-1]], "y": [*known["high"], *known["low"][::-1]], "fill": "toself",
        "fillcolor": color, "opacity": 0.2, "line": {"width": 0}, "mode": "lines", "hoverinfo": "skip",
        "showlegend": False, "legendgroup": arm,
    }  # fmt: skip
    line = {
        "x": at, "y": told["median"], "name": arm, "mode": "lines+markers", "line": {"color": color},
        "legendgroup": arm, "showlegend": first, "customdata": told["lost"],
        "hovertemplate": "%{y:.4g} at %{x}, %{customdata:.0%} diverged",
    }  # fmt: skip
    return band, line


def _logarithmic(values: list[Any]) -> bool:
    """Whether values lie more evenly in their logarithm, and far enough apart for it to matter."""
    if len(values) < 2 or not all(isinstance(value, (int, float)) and value > 0 for value in values):
        return False
    steps, ratios = np.diff(values), np.diff(np.log(values))
    far = values[-1] / values[0] >= APART
    return bool(far and np.std(ratios) / np.mean(ratios) < np.std(steps) / np.mean(steps))
