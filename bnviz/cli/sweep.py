"""`bnviz sweep` trains a grid of settings over seeds, and says where normalization matters."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bnviz.cli.mistakes import UserError
from bnviz.cli.run import config_from
from bnviz.presets import DEFAULT


def add(commands: Any) -> None:
    """Add `bnviz sweep`."""
    parser = commands.add_parser("sweep", help="one question over many runs: a grid of settings, over seeds")
    parser.set_defaults(run=_sweep)
    parser.add_argument("--preset", default=DEFAULT, help=f"named settings to start from (default: {DEFAULT})")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting, as for bnviz run")
    parser.add_argument("--grid", action="append", required=True, metavar="KEY=VALUES",
                        help="an axis: depth=2,6,20 or learning_rate=0.01..3:log7 or width=16..64:4")  # fmt: skip
    parser.add_argument("--seeds", type=int, default=4, help="how many for each place (default: 4)")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER",
                        help="keeps each run as it ends; an interrupted sweep goes on from there")  # fmt: skip
    parser.add_argument("--keep", default="last", choices=("summary", "last", "all"), help="of each run's frames")
    parser.add_argument("--outcome", default="test_accuracy", help="what the picture and the verdict are of")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes (default: all cores)")
    parser.add_argument("--dask", metavar="ADDRESS", help="train on this Dask cluster, such as tcp://scheduler:8786")
    parser.add_argument("--no-progress", action="store_true", help="no progress bar")


def _sweep(chosen: argparse.Namespace) -> None:
    from bnviz.sweeping.plan import axis
    from bnviz.sweeping.results import Sweep
    from bnviz.sweeping.sweep import sweep

    grid = {}
    for text in chosen.grid:
        name, values = axis(text)
        if name in grid:
            raise UserError(f"--grid takes each setting once, got {name} twice.")
        grid[name] = values
    if chosen.seeds < 1 or (chosen.jobs is not None and chosen.jobs < 1):
        raise UserError("--seeds and --jobs must be at least 1.")
    Sweep.kind(chosen.outcome)
    base = config_from(chosen.preset, chosen.set)
    with _executor(chosen.dask) as executor:
        found = sweep(
            base, grid, seeds=chosen.seeds, executor=executor, out=chosen.out, keep=chosen.keep, jobs=chosen.jobs,
            progress=sys.stderr.isatty() and not chosen.no_progress,
        )  # fmt: skip
    table, picture = chosen.out / "sweep.parquet", chosen.out / "sweep.html"
    figure = found.figure(chosen.outcome)
    for cell, reason in found.failed.items():
        place = ", ".join(f"{name} {value}" for name, value in cell.place)
        print(f"bnviz: {place}, seed {cell.config.seed}: {reason}", file=sys.stderr)
    found.to_dataframe().to_parquet(table, index=False)
    figure.write_html(picture, include_plotlyjs=True)
    if len(base.arms) > 1:
        print(found.verdict(chosen.outcome))
    print(f"Table: {table}\nPicture: {picture}")


@contextmanager
def _executor(address: str | None) -> Iterator[Executor | None]:
    """That of a Dask cluster; None without one. Errors: UserError."""
    if address is None:
        yield None
        return
    try:
        from distributed import Client
    except ImportError:
        raise UserError("--dask needs Dask: pip install 'bnviz[cluster]'.") from None
    try:
        client = Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise UserError(f"No Dask scheduler answers at {address}: {error}") from error
    with client:
        yield client.get_executor()
