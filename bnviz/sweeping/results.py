"""What a sweep has found: as a table, as pictures, and in sentences that no single seed decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, nan
from typing import TYPE_CHECKING, Any, NamedTuple

from bnviz.charts.look import Theme
from bnviz.config import RunConfig
from bnviz.recording import Recording
from bnviz.sweeping.outcome import Outcome
from bnviz.sweeping.plan import Cell
from bnviz.sweeping.store import Store

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


class Kind(NamedTuple):
    """What can be asked of a sweep."""

    title: str
    better: int
    """1: more is better, -1: less is, 0: neither."""
    margin: float
    """What makes no difference."""


OUTCOMES: dict[str, Kind] = {
    "test_accuracy": Kind("Test accuracy", 1, 0.02),
    "train_accuracy": Kind("Training accuracy", 1, 0.02),
    "test_loss": Kind("Test loss", -1, 0.0),
    "train_loss": Kind("Training loss", -1, 0.0),
    "steps_to_90": Kind("Steps to 90 % test accuracy", -1, 0.0),
    "diverged": Kind("Share diverged", -1, 0.0),
    "ics_relative": Kind("ICS |G−G′|/|G|, median of layers", 0, 0.0),
    "gradient_rate": Kind("Gradients fall a layer by", 0, 0.0),
}
"""By the name of a column; `diverged` is 1 for a run that has, 0 for one that has not."""
ALIKE_SHARE = 0.75
"""An arm is better at a place if it is so for this share of the seeds, each compared with itself."""
NO_DIFFERENCE = "no difference"


@dataclass(frozen=True, eq=False)
class Sweep:
    """What came of every cell."""

    base: RunConfig
    axes: tuple[str, ...]
    outcomes: Mapping[Cell, Outcome]
    store: Store | None = None

    def to_dataframe(self) -> pd.DataFrame:
        """A row for each cell and arm: the swept settings, `seed`, `arm`, then as `sweeping.cell.row`.

        `diverged` is 1 or 0. A cell that has failed has one row, with the reason in `error`. `link`: the query of the
        live run with its config.
        """
        import pandas as pd  # noqa: PLC0415  half a second that a run's process need not spend

        rows = []
        for cell, outcome in self.outcomes.items():
            place = dict(cell.place) | {"seed": cell.config.seed}
            told = {"error": outcome.error, "seconds": outcome.seconds, "link": f"?{cell.config.to_query()}"}
            for row in outcome.rows or ({"arm": "", "diverged_at": nan},):
                diverged = float(row["diverged_at"] == row["diverged_at"]) if outcome.rows else nan
                rows.append(place | row | {"diverged": diverged} | told)
        return pd.DataFrame(rows)

    def recording(self, cell: Cell) -> Recording:
        """The recording of a cell. Errors: FileNotFoundError where none was kept."""
        if self.store is None:
            raise FileNotFoundError("This sweep keeps nothing: give it a folder (out=).")
        return Recording.load(self.store.recording(cell))

    @staticmethod
    def kind(outcome: str) -> Kind:
        """What an outcome is called, and when it is better. Errors: ValueError that says which there are."""
        if outcome not in OUTCOMES:
            raise ValueError(f"An outcome must be one of {', '.join(OUTCOMES)}, got {outcome!r}.")
        return OUTCOMES[outcome]

    @property
    def failed(self) -> dict[Cell, str]:
        """The cells without a result, and why."""
        return {cell: outcome.error for cell, outcome in self.outcomes.items() if outcome.error}

    def judged(self, outcome: str) -> pd.DataFrame:
        """The rows that have a result; what diverged, or never got there, counts as infinitely bad.

        Errors: ValueError where no cell has a result.
        """
        kind = self.kind(outcome)
        if len(self.failed) == len(self.outcomes):
            raise ValueError(f"No run of this sweep has a result: {next(iter(self.failed.values()))}.")
        table = self.to_dataframe()
        table = table[table["error"] == ""]
        return table.assign(**{outcome: table[outcome].fillna(-kind.better * inf)})

    def compared(
        self, outcome: str = "test_accuracy", arm: str | None = None, with_arm: str | None = None
    ) -> pd.DataFrame:
        """At each place, whether an arm is better than another: paired by seed, a row for each place.

        Columns: the axes; `seeds`; `difference`, the median over seeds; `better` and `worse`, shares of the seeds in
        which it is so by more than the margin of the outcome; `verdict`: helps, hurts, or no difference (larger,
        smaller, where neither is better). What diverged counts as the worst. arm, with_arm: the base's second and
        first by default.
        """
        import pandas as pd  # noqa: PLC0415  the same

        kind = self.kind(outcome)
        one, other = self._pair(arm, with_arm)
        wide = self.judged(outcome).set_index([*self.axes, "seed", "arm"])[outcome].unstack("arm")
        gain = (wide[one] - wide[other]) * (kind.better or 1)
        gain = gain.fillna(0.0)  # both diverged
        found = []
        groups: Any = gain.groupby(level=[*self.axes], sort=False) if self.axes else [((), gain)]
        for place, values in groups:
            better, worse = float((values > kind.margin).mean()), float((values < -kind.margin).mean())
            more, less, neither = _words(kind)
            verdict = more if better >= ALIKE_SHARE else less if worse >= ALIKE_SHARE else neither
            found.append([*place, len(values), float(values.median()) * (kind.better or 1), better, worse, verdict])
        return pd.DataFrame(found, columns=[*self.axes, "seeds", "difference", "better", "worse", "verdict"])

    def verdict(self, outcome: str = "test_accuracy", arm: str | None = None, with_arm: str | None = None) -> str:
        """Where an arm helps, hurts, or makes no difference, in a sentence each; never from a single seed."""
        table = self.compared(outcome, arm, with_arm)
        one, other = self._pair(arm, with_arm)
        if table["seeds"].min() < 2:
            return "One seed says nothing of where a normalization matters: sweep over several."
        over = f"{len(table)} places over {table['seeds'].min()} seeds"
        told = [f"{self.kind(outcome).title}, {one} against {other}, at {over}:"]
        for verdict in _words(self.kind(outcome)):
            at = table[table["verdict"] == verdict]
            where = "; ".join(_where(row, self.axes, verdict) for _, row in at.iterrows())
            told.append(f"{verdict} at {len(at)}" + (f": {where}." if len(at) else "."))
        return "\n".join(told)

    def figure(
        self, outcome: str = "test_accuracy", x: str | None = None, y: str | None = None, theme: Theme = "light"
    ) -> go.Figure:
        """Heatmaps over two axes (the last two by default): an arm each, medians over seeds, and their difference."""
        from bnviz.sweeping.pictures import heatmaps  # noqa: PLC0415  plotly, when it is asked for

        return heatmaps(self, outcome, x, y, theme)

    def figure_of_verdicts(
        self, outcome: str = "test_accuracy", x: str | None = None, y: str | None = None, theme: Theme = "light"
    ) -> go.Figure:
        """Where the second arm changes the outcome, over two axes: as `compared` says, with the share of seeds."""
        from bnviz.sweeping.pictures import verdicts  # noqa: PLC0415  as above

        return verdicts(self, outcome, x, y, theme)

    def lines(self, outcome: str = "test_accuracy", x: str | None = None, theme: Theme = "light") -> go.Figure:
        """Along an axis (the last by default) the median of each arm, with a band over seeds; the other axis in panels.

        What diverged is not in them; its share is told beside each median. Errors: ValueError where there is no such
        axis or outcome.
        """
        from bnviz.sweeping.lines import lines  # noqa: PLC0415  as above

        return lines(self, outcome, x, theme)

    def _pair(self, arm: str | None, with_arm: str | None) -> tuple[str, str]:
        labels = self.base.labels
        if len(labels) < 2:
            raise ValueError("A comparison takes a run of two networks at least.")
        found = arm or labels[1], with_arm or labels[0]
        for each in found:
            if each not in labels:
                raise ValueError(f"An arm must be one of {', '.join(labels)}, got {each!r}.")
        return found


def _words(kind: Kind) -> tuple[str, str, str]:
    return ("helps", "hurts", NO_DIFFERENCE) if kind.better else ("larger", "smaller", NO_DIFFERENCE)


def _where(row: Any, axes: tuple[str, ...], verdict: str) -> str:
    values = (f"{row[name]:g}" if isinstance(row[name], (int, float)) else row[name] for name in axes)
    place = ", ".join(f"{name} {value}" for name, value in zip(axes, values, strict=True))
    return place if verdict == NO_DIFFERENCE else f"{place} ({max(row['better'], row['worse']):.0%} of seeds)"
