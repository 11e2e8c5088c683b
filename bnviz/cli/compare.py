"""`bnviz compare` trains variants of somebody's net over seeds, and says what normalization does for it."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bnviz.cli.mistakes import UserError
from bnviz.cli.pairs import pairs
from bnviz.config import CATALOG

if TYPE_CHECKING:
    from bnviz.data import Data


def add(commands: Any) -> None:
    """Add `bnviz compare`."""
    parser = commands.add_parser("compare", help="would normalization help your net? its variants, over seeds")
    parser.set_defaults(run=_compare)
    parser.add_argument("model", metavar="FILE.py:FUNCTION", help="the function that makes your net")
    parser.add_argument("--data", required=True, metavar="FILE|NAME", help=f"your data, or one of {', '.join(CATALOG)}")
    parser.add_argument("--target", metavar="COLUMN",
                        help="to predict (default: one called target, label, class or y, else the last)")  # fmt: skip
    parser.add_argument("--task", default="auto", help="of your file: auto, classification or regression")
    parser.add_argument("--variants", help="such as 'as is,batch,none'; the first is what the others are held against")
    parser.add_argument("--seeds", help="how many, or which, such as 0,1,2 (default: 5)")
    parser.add_argument("--steps", help="of each run (default: 500)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="learning_rate (several: 0.01,0.1,1), optimizer or batch_size")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write the report, as one HTML page")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="where to write the table, a row for each run")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes (default: all cores)")
    parser.add_argument("--no-progress", action="store_true", help="no progress bar")


def _compare(chosen: argparse.Namespace) -> None:
    from bnviz.comparing import compare
    from bnviz.comparing.settings import parse
    from bnviz.models.factory import load_factory

    for option in ("out", "csv"):
        _writable(getattr(chosen, option), f"--{option}")
    values = {name: getattr(chosen, name) for name in ("variants", "seeds", "steps")}
    settings = parse({name: value for name, value in values.items() if value is not None} | pairs(chosen.set))
    factory = load_factory(chosen.model)
    data = _data(chosen.data, chosen.target, chosen.task)
    report = compare(
        factory, (data.x_train, data.y_train), (data.x_test, data.y_test), jobs=chosen.jobs,
        progress=sys.stderr.isatty() and not chosen.no_progress, **settings,
    )  # fmt: skip
    print(f"\n{report}")
    if chosen.out:
        report.save(chosen.out)
        print(f"\nReport: {chosen.out}")
    if chosen.csv:
        report.to_dataframe().to_csv(chosen.csv, index=False)
        print(f"\nTable: {chosen.csv}")


def _writable(path: Path | None, option: str) -> None:
    """Errors: UserError for a file that could not be written, before hours of training are spent on it."""
    if path is None:
        return
    if not path.parent.is_dir():
        raise UserError(f"{option} must be a file in a folder that exists, got {path}.")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UserError(f"{option} must be a file that can be written, got {path}.")


def _data(name: str, target: str | None, task: str) -> Data:
    """A set of the catalog, or the user's own file, of which what was done to it is said."""
    from bnviz.data import DataUnavailable, load

    if name in CATALOG:
        try:
            return load(name)
        except DataUnavailable as error:
            raise UserError(str(error)) from error
    from bnviz.data.own import load_file

    data, notes = load_file(Path(name), target, task)
    for note in notes:
        print(note)
    return data
