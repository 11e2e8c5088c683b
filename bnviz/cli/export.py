"""`bnviz export` turns a recording into a table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Add `bnviz export`."""
    parser = commands.add_parser("export", help="turn a recording into a table")
    parser.set_defaults(run=_export)
    parser.add_argument("file", type=Path)
    form = parser.add_mutually_exclusive_group(required=True)
    form.add_argument("--csv", type=Path, metavar="OUT")
    form.add_argument("--parquet", type=Path, metavar="OUT")


def _export(chosen: argparse.Namespace) -> None:
    from bnviz.recording import load_safely  # noqa: PLC0415

    recording = load_safely(chosen.file)
    if recording.damage:
        print(f"{chosen.file}: {recording.damage}", file=sys.stderr)
    table = recording.to_dataframe()
    if chosen.csv:
        table.to_csv(chosen.csv, index=False)
    else:
        table.to_parquet(chosen.parquet, index=False)
    print(f"{len(table):,} rows: {chosen.csv or chosen.parquet}")
