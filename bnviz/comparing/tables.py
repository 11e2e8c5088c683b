"""The tables of a report, as rows of text: the terminal and the page draw the same ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from bnviz.comparing.judging import FEWEST_SEEDS, Outcome, standing
from bnviz.comparing.report import Report
from bnviz.comparing.running import Layer
from bnviz.comparing.wording import called, capital, value
from bnviz.verdict.wording import cosine, number, percent

NOTHING = "-"


@dataclass(frozen=True)
class Table:
    """Rows of text under a caption; those of numbers stand to the right."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def outcomes(report: Report) -> Table:
    """A row for each variant and rate: the outcome over seeds, losses, and how many seeds ended finite."""
    accuracy = report.outcome == "test_accuracy"
    head = ("variant", "rate", "test acc." if accuracy else "test loss", "range", "train", "test" if accuracy else "",
            "own", "finite")  # fmt: skip
    rows = []
    for at_best in report.standings:
        for rate in report.settings.rates:
            each = standing(at_best.variant, rate, report.runs, report.outcome)
            ended = [run for run in each.runs if run.finished]
            reached = [getattr(run, report.outcome) for run in ended]
            spread = _range(reached, report.outcome) if ended else NOTHING
            losses = [_loss([getattr(run, name) for run in ended])
                      for name in ("train_loss", "test_loss", "train_mode_test_loss")]  # fmt: skip
            mark = "*" if rate == at_best.learning_rate and each.finished else ""
            rows.append((
                at_best.variant, f"{mark}{rate:g}", value(each.mean, report.outcome) if ended else NOTHING, spread,
                losses[0], losses[1] if accuracy else "", losses[2], f"{each.finished}/{len(each.runs)}",
            ))  # fmt: skip
    count = len(report.settings.seeds)
    caption = f"Means over {count} seed{'s' * (count > 1)}; * each variant's best rate. Losses: in training, " \
              "at the test, and there with each batch's own statistics, dropout off."  # fmt: skip
    return _without_empty(Table(caption, head, tuple(rows)))


def differences(report: Report) -> Table:
    """A row for each variant: how much better than the reference, each at its best rate, with the interval."""
    scale, form = (100.0, "+.1f") if report.outcome == "test_accuracy" else (-1.0, "+.3g")
    rows: list[tuple[str, ...]] = []
    for each in report.standings[1:]:
        found = report.differences.get(each.variant)
        if found is None:
            rows.append((each.variant, NOTHING, NOTHING, "not all seeds end finite"))
            continue
        ends = [f"{end:{form}}" for end in sorted((scale * found.low, scale * found.high))]
        told = {1: "better", 0: "no difference that shows", -1: "worse"}[found.sign]
        interval = " to ".join(ends) if math.isfinite(found.low) else NOTHING
        told = told if len(each.runs) >= FEWEST_SEEDS else "too few seeds to tell"
        rows.append((each.variant, f"{scale * found.mean:{form}}", interval, told))
    unit = "points of test accuracy" if report.outcome == "test_accuracy" else "test loss"
    together = ", for all together" if len(rows) > 1 else ""
    caption = f"Against the net {called(report.standings[0].variant)}, in {unit}, paired over seeds, each at its " \
              f"best rate; 95 % intervals{together}."  # fmt: skip
    return Table(caption, ("variant", "difference", "95 % interval", "so it is"), tuple(rows))


def layers(report: Report) -> Iterator[Table]:
    """For each variant, a row for each of its layers, as measured at its best rate."""
    head = ("layer", "|G|", "sat.", "dead", "ICS", "cosine", "gap", "var.")
    for each in report.standings:
        count = max((len(run.layers) for run in each.runs), default=0)
        rows = []
        for place in range(count):
            measured = [run.layers[place] for run in each.runs if len(run.layers) > place]
            shown = [_median(measured, name, form) for name, form in FORMS.items()]
            rows.append((measured[0].name, *shown))
        caption = capital(f"{called(each.variant)}, rate {each.learning_rate:g}")
        yield _without_empty(Table(caption, head, tuple(rows)))


COLUMNS = (
    "|G|: the gradient's norm; sat.: saturated activations; dead: dead units; ICS: |G−G′|/|G|, and the cosine of G "
    "and G′ (Santurkar et al. 2018, Definition 2.1); gap: |running mean − batch mean| / batch std; var.: running "
    "variance / batch variance. Medians over measured steps and seeds."
)
"""What the columns of a table of layers say."""
FORMS: dict[str, Callable[[float], str]] = {
    "grad_norm": number, "saturated": percent, "dead": percent, "ics_relative": number, "ics_cosine": cosine,
    "running_mean_gap": number, "running_var_ratio": number,
}  # fmt: skip


def _median(measured: list[Layer], name: str, form: Callable[[float], str]) -> str:
    known = [found for each in measured if math.isfinite(found := getattr(each, name))]
    return form(float(np.median(known))) if known else NOTHING


def _range(reached: list[float], outcome: Outcome) -> str:
    ends = [value(end, outcome).removesuffix(" %") for end in (min(reached), max(reached))]
    return " to ".join(ends)


def _loss(losses: list[float]) -> str:
    return f"{np.mean(losses):.3g}" if losses else NOTHING


def _without_empty(table: Table) -> Table:
    """Without the columns that say nothing in any row."""
    kept = [
        i for i in range(len(table.head)) if not table.rows or any(row[i] not in ("", NOTHING) for row in table.rows)
    ]
    return Table(table.caption, tuple(table.head[i] for i in kept),
                 tuple(tuple(row[i] for i in kept) for row in table.rows))  # fmt: skip
