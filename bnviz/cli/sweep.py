"""`bnviz sweep` trains a grid of settings over seeds, and says where normalization matters."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bnviz.cli.dask import client_of
from bnviz.cli.mistakes import UserError
from bnviz.cli.run import config_from
from bnviz.presets import DEFAULT

if TYPE_CHECKING:
    from bnviz.sweeping.plan import Plan

HEAD = "<!doctype html><meta charset=utf-8><title>bnviz sweep</title>"


def add(commands: Any) -> None:
    """Add `bnviz sweep`."""
    parser = commands.add_parser("sweep", help="one question over many runs: a grid of settings, over seeds")
    parser.set_defaults(run=_sweep)
    # Named here, as `published.PUBLISHED` would bring Arrow along before it is known what is asked for.
    parser.add_argument("--published", choices=("depth-scales", "rate-against-depth"),
                        help="a picture that a paper has published, with its own settings and axes")  # fmt: skip
    parser.add_argument("--small", action="store_true", help="of --published: a coarse form, in half a minute")
    parser.add_argument("--preset", help=f"named settings to start from (default: {DEFAULT})")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting, as for bnviz run")
    parser.add_argument("--grid", action="append", default=[], metavar="KEY=VALUES",
                        help="an axis: depth=2,6,20 or learning_rate=0.01..3:log7 or width=16..64:4")  # fmt: skip
    parser.add_argument("--seeds", type=int, help="how many for each place (default: 4)")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER",
                        help="keeps each run as it ends; an interrupted sweep goes on from there")  # fmt: skip
    parser.add_argument("--keep", default="last", choices=("summary", "last", "all"), help="of each run's frames")
    parser.add_argument("--outcome", help="what the picture and the verdict are of (default: test_accuracy)")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes (default: all cores)")
    parser.add_argument("--dask", metavar="ADDRESS", help="train on this Dask cluster, such as tcp://scheduler:8786")
    parser.add_argument("--no-progress", action="store_true", help="no progress bar")


def _sweep(chosen: argparse.Namespace) -> None:
    from bnviz.sweeping.published import OUTCOME, PUBLISHED
    from bnviz.sweeping.results import Sweep
    from bnviz.sweeping.sweep import sweep

    plan, known = _plan(chosen), PUBLISHED.get(chosen.published)
    if min(plan.seeds, 1 if chosen.jobs is None else chosen.jobs) < 1:
        raise UserError("--seeds and --jobs must be at least 1.")
    outcome = chosen.outcome or (OUTCOME if known else "test_accuracy")
    Sweep.kind(outcome)
    with _executor(chosen.dask) as executor:
        found = sweep(
            plan.base, dict(plan.grid), seeds=plan.seeds, executor=executor, out=chosen.out, keep=chosen.keep,
            jobs=chosen.jobs, progress=sys.stderr.isatty() and not chosen.no_progress,
        )  # fmt: skip
    figures = [known.figure(found)] if known else [found.figure(outcome)]
    for cell, reason in found.failed.items():
        place = ", ".join(f"{name} {value}" for name, value in cell.place)
        print(f"bnviz: {place}, seed {cell.config.seed}: {reason}", file=sys.stderr)
    if len(plan.base.arms) > 1:
        print(found.verdict(outcome))
        figures += [found.figure_of_verdicts(outcome)] if len(plan.axes) > 1 else []
    if known:
        came, told = known.judge(found)
        print(f"{known.source}: {'as published' if came else 'NOT as published'}. {told}")
    figures += [found.lines(outcome)] if plan.axes else []
    table, page = chosen.out / "sweep.parquet", chosen.out / "sweep.html"
    found.to_dataframe().to_parquet(table, index=False)
    first, *others = (each.to_html(full_html=False, include_plotlyjs=place == 0) for place, each in enumerate(figures))
    page.write_text("\n".join([HEAD, first, *others]), "utf-8")
    print(f"Table: {table}\nPicture: {page}")


def _plan(chosen: argparse.Namespace) -> Plan:
    """What is to be trained. Errors: UserError, ValueError."""
    from bnviz.sweeping.plan import Plan, axis
    from bnviz.sweeping.published import PUBLISHED

    if chosen.published:
        if chosen.grid or chosen.set or chosen.preset:
            raise UserError("--published brings its own settings and axes: leave out --grid, --set and --preset.")
        known = PUBLISHED[chosen.published]
        plan = known.small if chosen.small else known.plan
        return plan if chosen.seeds is None else replace(plan, seeds=chosen.seeds)
    if chosen.small:
        raise UserError("--small is of --published alone.")
    grid = {}
    for text in chosen.grid:
        name, values = axis(text)
        if name in grid:
            raise UserError(f"--grid takes each setting once, got {name} twice.")
        grid[name] = values
    if not grid:
        raise UserError("A sweep goes over something: give --grid, such as --grid depth=2,6,20, or --published.")
    seeds = 4 if chosen.seeds is None else chosen.seeds
    return Plan(config_from(chosen.preset or DEFAULT, chosen.set), tuple(grid.items()), seeds)


@contextmanager
def _executor(address: str | None) -> Iterator[Executor | None]:
    """That of a Dask cluster; None without one. Errors: UserError."""
    if address is None:
        yield None
        return
    with client_of(address, _client) as client:
        yield client.get_executor()


def _client(address: str) -> Any:
    from distributed import Client

    return Client(address, timeout=10)
