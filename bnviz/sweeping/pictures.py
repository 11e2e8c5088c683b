"""Pictures of a sweep, with plotly.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bnviz.charts.look import PALETTE
from bnviz.config import TITLES

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from bnviz.sweeping.results import Sweep

MOST_NUMBERS = 150
"""Cells of a heatmap in which a number can still be read."""


def heatmaps(sweep: Sweep, outcome: str, x: str | None, y: str | None) -> go.Figure:
    """See `Sweep.figure`. Errors: ValueError for an axis or outcome that there is not."""
    import plotly.graph_objects as go  # noqa: PLC0415  when a picture is asked for
    from plotly.subplots import make_subplots  # noqa: PLC0415  the same

    across, down = _axes(sweep, x, y)
    table, kind = sweep.judged(outcome), sweep.kind(outcome)
    arms = sweep.base.labels
    wide = {arm: _medians(table[table["arm"] == arm], outcome, across, down) for arm in arms}
    pictures: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {
        arm: (values, {"coloraxis": "coloraxis"}) for arm, values in wide.items()
    }
    if len(arms) > 1:
        difference = wide[arms[1]] - wide[arms[0]]
        pictures[f"{arms[1]} − {arms[0]}"] = difference, _diverging(difference)
    figure = make_subplots(1, len(pictures), subplot_titles=[*pictures], shared_yaxes=True, horizontal_spacing=0.04)
    for place, (values, look) in enumerate(pictures.values(), 1):
        text = "%{z:.3g}" if values.size <= MOST_NUMBERS else None
        names = {"x": [*map(_text, values.columns)], "y": [*map(_text, values.index)]}
        trace = go.Heatmap(z=values.to_numpy(), texttemplate=text, hoverongaps=False, **names, **look)
        figure.add_trace(trace, 1, place)
    figure.update_xaxes(type="category", title_text=TITLES.get(across, across))
    figure.update_yaxes(type="category")
    figure.update_yaxes(title_text=TITLES.get(down, down), col=1)
    title = f"{kind.title}, medians over {table['seed'].nunique()} seeds"
    figure.update_layout(title=title, template="plotly_white", coloraxis={"colorscale": "Viridis"}, height=420)
    return figure


def _diverging(difference: pd.DataFrame) -> dict[str, Any]:
    most = float(np.nanmax(np.abs(difference.to_numpy()), initial=0.0)) or 1.0
    colors = PALETTE["light"]
    scale = [[0, colors.arm(0)], [0.5, colors.background], [1, colors.arm(1)]]
    return {"colorscale": scale, "zmin": -most, "zmax": most, "showscale": False}


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _axes(sweep: Sweep, x: str | None, y: str | None) -> tuple[str, str]:
    across = x or (sweep.axes[-1] if sweep.axes else "seed")
    rest = [each for each in (*sweep.axes, "seed") if each != across]
    down = y or (rest[-2] if len(rest) > 1 else rest[-1])
    for axis in (across, down):
        if axis not in (*sweep.axes, "seed"):
            raise ValueError(f"An axis must be one of {', '.join((*sweep.axes, 'seed'))}, got {axis!r}.")
    if across == down:
        raise ValueError(f"A picture takes two different axes, got {across} twice.")
    return across, down


def _medians(table: pd.DataFrame, outcome: str, across: str, down: str) -> pd.DataFrame:
    """(values of `down`, values of `across`): NaN where half of the seeds diverged; of `diverged` the share."""
    groups = table.groupby([down, across])[outcome]
    found = groups.mean() if outcome == "diverged" else groups.median()
    return found.replace([np.inf, -np.inf], np.nan).unstack(across)
