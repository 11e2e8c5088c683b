"""Pictures of a sweep, with plotly.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bnviz.charts.look import PALETTE, Theme
from bnviz.config import TITLES
from bnviz.sweeping.results import NO_DIFFERENCE

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from bnviz.sweeping.results import Sweep

MOST_NUMBERS = 150
"""Cells of a heatmap in which a number can still be read."""


def heatmaps(sweep: Sweep, outcome: str, x: str | None, y: str | None, theme: Theme = "light") -> go.Figure:
    """See `Sweep.figure`. Errors: ValueError for an axis or outcome that there is not."""
    import plotly.graph_objects as go  # noqa: PLC0415  when a picture is asked for
    from plotly.subplots import make_subplots  # noqa: PLC0415  the same

    across, down = _axes(sweep, x, y)
    table, kind = sweep.judged(outcome), sweep.kind(outcome)
    arms = sweep.base.labels
    found = {arm: _medians(table[table["arm"] == arm], outcome, across, down) for arm in arms}
    pictures: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {
        arm: (values, {"coloraxis": "coloraxis"}) for arm, values in found.items()
    }
    if len(arms) > 1:
        difference = found[arms[1]] - found[arms[0]]
        pictures[f"{arms[1]} − {arms[0]}"] = difference, _diverging(difference, theme)
    figure = make_subplots(1, len(pictures), subplot_titles=[*pictures], shared_yaxes=True, horizontal_spacing=0.04)
    for place, (values, look) in enumerate(pictures.values(), 1):
        text = "%{z:.3g}" if values.size <= MOST_NUMBERS else None
        names = {"x": [*map(written, values.columns)], "y": [*map(written, values.index)]}
        trace = go.Heatmap(z=values.to_numpy(), texttemplate=text, hoverongaps=False, **names, **look)
        figure.add_trace(trace, 1, place)
    wide, high = len(values.columns), len(values.index)  # said, or what is laid over it would make it smaller
    figure.update_xaxes(type="category", title_text=TITLES.get(across, across), range=[-0.5, wide - 0.5])
    figure.update_yaxes(type="category", range=[-0.5, high - 0.5])
    figure.update_yaxes(title_text=TITLES.get(down, down), col=1)
    title = f"{kind.title}, medians over {table['seed'].nunique()} seeds"
    figure.update_layout(title=title, template="plotly_white", coloraxis={"colorscale": "Viridis"}, height=420)
    return figure


def verdicts(sweep: Sweep, outcome: str, x: str | None, y: str | None, theme: Theme = "light") -> go.Figure:
    """See `Sweep.figure_of_verdicts`. Errors: as `heatmaps`; ValueError where there are not two networks."""
    import plotly.graph_objects as go  # noqa: PLC0415  as above

    across, down = _axes(sweep, x, y)
    if "seed" in (across, down):
        raise ValueError("A verdict is over seeds: it takes two axes beside them.")
    table = sweep.compared(outcome)
    table = table.assign(gain=table["better"] - table["worse"], share=table[["better", "worse"]].max(axis=1))
    wide = table.groupby([down, across])["gain"].mean().unstack(across)
    words = table.groupby([down, across]).apply(_in_words).unstack(across)
    figure = go.Figure(
        go.Heatmap(
            z=wide.to_numpy(), text=words.to_numpy(), texttemplate="%{text}", hoverongaps=False,
            x=[*map(written, wide.columns)], y=[*map(written, wide.index)], **_diverging(wide, theme, 1.0),
        )
    )  # fmt: skip
    figure.update_xaxes(type="category", title_text=TITLES.get(across, across))
    figure.update_yaxes(type="category", title_text=TITLES.get(down, down))
    one, other = sweep.base.labels[1], sweep.base.labels[0]
    title = f"{sweep.kind(outcome).title}: where {one} helps and hurts against {other}, and in which share of the seeds"
    figure.update_layout(title=title, template="plotly_white", height=420)
    return figure


def _in_words(places: pd.DataFrame) -> str:
    """Of places that share a cell: the verdict, with the share of seeds where there is one; `differs` between them."""
    (verdict, *others) = set(places["verdict"])
    if others:
        return "differs"
    return "=" if verdict == NO_DIFFERENCE else f"{verdict}<br>{places['share'].mean():.0%}"


def pressable(figure: go.Figure, sweep: Sweep, x: str | None, y: str | None) -> go.Figure:
    """Lay something over each cell of `heatmaps` that can be pressed: its `customdata` is the link of a run there."""
    import plotly.graph_objects as go  # noqa: PLC0415  as above

    across, down = _axes(sweep, x, y)
    links: dict[tuple[str, str], str] = {}
    for cell in sweep.outcomes:
        place = dict(cell.place) | {"seed": cell.config.seed}
        links.setdefault((written(place[across]), written(place[down])), cell.config.to_query())
    for trace in list(figure.data):
        figure.add_trace(
            go.Scatter(
                x=[at for at, _ in links], y=[at for _, at in links], customdata=[*links.values()], mode="markers",
                xaxis=trace.xaxis, yaxis=trace.yaxis, showlegend=False, opacity=0,
                marker={"symbol": "square", "size": 34}, selected={"marker": {"opacity": 0}},
                hovertemplate=f"{across} %{{x}}, {down} %{{y}}: press to open a run<extra></extra>",
            )
        )  # fmt: skip
    return figure


def _diverging(difference: pd.DataFrame, theme: Theme, most: float | None = None) -> dict[str, Any]:
    most = most or float(np.nanmax(np.abs(difference.to_numpy()), initial=0.0)) or 1.0
    colors = PALETTE[theme]
    scale = [[0, colors.arm(0)], [0.5, colors.background], [1, colors.arm(1)]]
    return {"colorscale": scale, "zmin": -most, "zmax": most, "showscale": False}


def written(value: object) -> str:
    """A value of an axis, as pictures have it."""
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
