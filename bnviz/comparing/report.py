"""What a comparison found, as a value: the sentence, tables, and a page."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from bnviz.comparing import wording
from bnviz.comparing.judging import Difference, Outcome, Standing, best, difference, outcome_of
from bnviz.comparing.planning import Plan, Sentences
from bnviz.comparing.running import MEASURES, Run
from bnviz.comparing.settings import Settings

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Report:
    """Variants of a net, trained from the same weights on the same batches over several seeds, and what they show."""

    verdict: str
    """The answer: one sentence with its uncertainty."""
    remarks: Sentences
    """What else is worth knowing."""
    settings: Settings
    plan: Plan
    outcome: Outcome
    standings: tuple[Standing, ...]
    """Each variant at its own best rate; the first is the reference."""
    differences: Mapping[str, Difference]
    """Against the reference, by variant, paired over seeds; their 95 % intervals hold for all of them together."""
    runs: tuple[Run, ...]
    """Every run, in the order of variants, rates and seeds."""

    @property
    def changes(self) -> Mapping[str, Sentences]:
        """What was changed in each variant, a sentence for each module, by its name."""
        return self.plan.changes

    @property
    def left(self) -> Mapping[str, Sentences]:
        """What could not be changed safely in each variant, by the module's name, with the reason."""
        return self.plan.left

    @property
    def best_rates(self) -> Mapping[str, float]:
        """The rate at which each variant is judged."""
        return {each.variant: each.learning_rate for each in self.standings}

    def to_dataframe(self) -> pd.DataFrame:
        """A row for each run; `best` marks those of a variant's own best rate."""
        import pandas as pd  # noqa: PLC0415  slow

        left_out = {"curve", "layers", "problems"}
        names = [each.name for each in fields(Run) if each.name not in left_out]
        table = pd.DataFrame([{name: getattr(run, name) for name in names} for run in self.runs])
        table["diverged_at"] = table["diverged_at"].astype("Int64")
        table["best"] = [run.learning_rate == self.best_rates[run.variant] for run in self.runs]
        return table

    @property
    def layers(self) -> pd.DataFrame:
        """A row for each variant and layer: medians over the seeds at its best rate, of medians over measured steps."""
        import pandas as pd  # noqa: PLC0415  slow

        rows = [
            {"variant": each.variant, "layer": layer.name, "place": place} | {m: getattr(layer, m) for m in MEASURES}
            for each in self.standings for run in each.runs for place, layer in enumerate(run.layers)
        ]  # fmt: skip
        table = pd.DataFrame(rows, columns=["variant", "layer", "place", *MEASURES])
        medians = table.groupby(["variant", "layer", "place"], sort=False).median().reset_index()
        order = {each.variant: number for number, each in enumerate(self.standings)}
        ordered = medians.sort_values(["variant", "place"], key=lambda c: c.map(order) if c.name == "variant" else c)
        return ordered.drop(columns="place").reset_index(drop=True)

    def __str__(self) -> str:
        from bnviz.comparing.text import text  # noqa: PLC0415  it takes a Report

        return text(self)

    def _repr_html_(self) -> str:
        from bnviz.comparing.page import fragment  # noqa: PLC0415  it takes a Report

        return fragment(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one HTML page that needs no network. Errors: OSError."""
        from bnviz.comparing.page import page  # noqa: PLC0415  it takes a Report

        Path(path).write_text(page(self), encoding="utf-8")


def reported(
    plan: Plan, settings: Settings, runs: Sequence[Run], chance: float = float("nan"), notes: Sentences = ()
) -> Report:
    """The report of these runs. chance: share of the commonest class among the test samples."""
    places = {run: place for place, run in enumerate(plan.variants)}
    ordered = tuple(sorted(runs, key=lambda run: (places[run.variant], run.learning_rate, run.seed)))
    outcome = outcome_of(ordered)
    reference, *others = (best(variant, ordered, outcome) for variant in plan.variants)
    found = {each.variant: difference(each, reference, outcome, len(others)) for each in others}
    differences = {variant: each for variant, each in found.items() if each is not None}
    judged = wording.Judged(outcome, reference, tuple(others), differences, ordered, settings.rates)
    unmeasured = tuple(dict.fromkeys(f"Not measured: {each}." for run in ordered for each in run.problems))
    same = tuple(f"{wording.capital(wording.called(variant))} it is the same net as '{other}', trained once."
                 for variant, other in plan.same.items())  # fmt: skip
    remarks = (*same, *wording.remarks(judged, chance), *notes, *unmeasured)
    return Report(wording.verdict(judged), remarks, settings, plan, outcome, (reference, *others), differences, ordered)
