"""Pictures that papers have published, as sweeps: what is trained, and what must come out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bnviz.config import RunConfig
from bnviz.sweeping.mean_field import REACH, depth_scale
from bnviz.sweeping.plan import Plan
from bnviz.sweeping.results import Sweep

if TYPE_CHECKING:
    import plotly.graph_objects as go

TRAINS = 0.5
"""Accuracy on the training set from which on a net counts as one that can be trained."""
OUTCOME = "train_accuracy"
ORDERED = 0.85
"""Weight scales up to this lie well below the edge of chaos, where the theory tells how deep a net may be."""
FEWER = 3
"""So many times as far must a net reach for it to be called farther."""
Grid = tuple[tuple[str, tuple[Any, ...]], ...]
Judged = tuple[bool, str]
"""Whether it came out, and what was found, in a sentence."""


@dataclass(frozen=True)
class Published:
    """A picture: a sweep, its smaller form for tests, and its judge."""

    title: str
    source: str
    about: str
    """What was published, and what is to be seen."""
    plan: Plan
    small: Plan
    judge: Callable[[Sweep], Judged]
    expected: Callable[[Sweep], dict[str, float]] | None = None
    """What theory says for each value across: how far up a plain net can be trained."""

    def figure(self, sweep: Sweep) -> go.Figure:
        """The heatmaps; over the first, what theory says."""
        across = self.plan.grid[1][0]
        figure = sweep.figure(OUTCOME, across, self.plan.grid[0][0])
        if self.expected is not None:
            import plotly.graph_objects as go  # noqa: PLC0415  when a picture is asked for

            depths = sorted({dict(cell.place)["depth"] for cell in sweep.outcomes})
            told = {x: [depth for depth in depths if depth <= most] for x, most in self.expected(sweep).items()}
            line = {
                "x": [x for x, found in told.items() if found],
                "y": [str(found[-1]) for found in told.values() if found],
            }
            mark = {"symbol": "circle-open", "size": 16, "line": {"width": 3}, "color": "#ffffff"}
            name = f"up to {REACH:g} depth scales (theory)"
            figure.add_trace(go.Scatter(**line, mode="markers", marker=mark, name=name, showlegend=False), 1, 1)
        return figure


def reach(sweep: Sweep, arm: str, axis: str, across: str) -> dict[Any, float]:
    """For each value of `across`, the largest of `axis` at which an arm trains (0: none), by the median of seeds."""
    table = sweep.to_dataframe()
    table = table[table["arm"] == arm]
    medians = table.assign(**{OUTCOME: table[OUTCOME].fillna(0.0)}).groupby([across, axis])[OUTCOME].median()
    wide = medians.unstack(axis)
    return {value: float(max(wide.columns[row >= TRAINS], default=0.0)) for value, row in wide.iterrows()}


def _theory(sweep: Sweep) -> dict[str, float]:
    scales = sorted({dict(cell.place)["weight_scale"] for cell in sweep.outcomes})
    return {f"{scale:g}": REACH * depth_scale(scale**2) for scale in scales}


def _judge_depth(sweep: Sweep) -> Judged:
    plain, batch = (reach(sweep, arm, "depth", "weight_scale") for arm in ("none", "batch"))
    depths = sorted({dict(cell.place)["depth"] for cell in sweep.outcomes})
    best = max(plain, key=lambda scale: plain[scale])
    ends = plain[min(plain)], plain[max(plain)]
    peaks = 0.9 <= best <= 1.5 and plain[best] >= FEWER * max(1, *ends)
    ordered = [scale for scale in plain if scale <= ORDERED]
    right = [scale for scale in ordered if _fits(plain[scale], depths, REACH * depth_scale(scale**2))]
    flat = min(batch.values()) >= FEWER * max(1, *ends)
    told = (
        f"Without normalization depth {plain[best]:g} trains at weight scale {best:g}, near the edge of chaos at 1, "
        f"and {ends[0]:g} and {ends[1]:g} at {min(plain):g} and {max(plain):g}; below the edge theory is right within "
        f"one step of depth at {len(right)} of {len(ordered)} scales. With BatchNorm depth {min(batch.values()):g} at "
        "least trains at each."
    )
    return peaks and flat and 2 * len(right) > len(ordered), told


def _fits(found: float, depths: list[int], expected: float) -> bool:
    """Whether the deepest net that trains is the one that theory expects, or the next."""
    place = sum(depth <= expected for depth in depths)
    return abs(sum(depth <= found for depth in depths) - place) <= 1


def _judge_rate(sweep: Sweep) -> Judged:
    plain, batch = (reach(sweep, arm, "learning_rate", "depth") for arm in ("none", "batch"))
    shallow, deep = min(plain), max(plain)
    wider = {depth: batch[depth] / plain[depth] if plain[depth] else float("inf") for depth in plain}
    came = plain[deep] < plain[shallow] and wider[deep] >= FEWER * max(1.0, wider[shallow])
    told = (
        f"At depth {shallow} rates up to {plain[shallow]:g} train without normalization, up to {batch[shallow]:g} "
        f"with BatchNorm; at depth {deep} up to {plain[deep]:g} and up to {batch[deep]:g}."
    )
    return came, told


def _plan(base: RunConfig, seeds: int, **grid: tuple[Any, ...]) -> Plan:
    return Plan(base, tuple(grid.items()), seeds)


_DEPTHS = RunConfig(activation="tanh", learning_rate=0.05, steps=300, measure_every=50)
_RATES = RunConfig(activation="relu", init="he", steps=300, measure_every=50)
PUBLISHED: dict[str, Published] = {
    "depth-scales": Published(
        "How deep a tanh net can be",
        "Schoenholz, Gilmer, Ganguli, Sohl-Dickstein 2017, Deep Information Propagation",
        "How deep a plain tanh net can be trained depends on how its weights are drawn: deepest at the edge of chaos, "
        "a variance of 1 / width, where signals neither die out nor lose what they carried; up to six depth scales of "
        "mean-field theory (the rings). BatchNorm takes the scale of the weights away.",
        _plan(
            _DEPTHS, 3, depth=(2, 3, 5, 7, 10, 14, 20, 28, 40),
            weight_scale=(0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0, 3.0, 5.0),
        ),
        _plan(replace(_DEPTHS, steps=200), 1, depth=(3, 10, 20), weight_scale=(0.5, 0.7, 1.0, 5.0)),
        _judge_depth,
        _theory,
    ),
    "rate-against-depth": Published(
        "The learning rates that a depth bears",
        "Bjorck, Gomes, Selman, Weinberger 2018, Understanding Batch Normalization",
        "The deeper a plain ReLU net is, the smaller the rate at which it still trains; BatchNorm lets it bear larger "
        "ones, at any of these depths.",
        _plan(_RATES, 3, depth=(2, 4, 6, 9, 12, 16, 20), learning_rate=(0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)),
        _plan(replace(_RATES, steps=150), 1, depth=(2, 12), learning_rate=(0.1, 1.0, 3.0)),
        _judge_rate,
    ),
}  # fmt: skip
"""By name."""
