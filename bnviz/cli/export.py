"""`bnviz export` turns a recording into a page of its own, or into a table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bnviz.recording import Recording


def add(commands: Any) -> None:
    """Add `bnviz export`."""
    parser = commands.add_parser("export", help="turn a recording into one HTML file, or a table")
    parser.set_defaults(run=_export)
    parser.add_argument("file", type=Path)
    form = parser.add_mutually_exclusive_group(required=True)
    form.add_argument("--html", type=Path, metavar="OUT", help="a page that needs no server and no network")
    form.add_argument("--csv", type=Path, metavar="OUT")
    form.add_argument("--parquet", type=Path, metavar="OUT")


def _export(chosen: argparse.Namespace) -> None:
    from bnviz.recording import load_safely

    recording = load_safely(chosen.file)
    if recording.damage:
        print(f"{chosen.file}: {recording.damage}", file=sys.stderr)
    if chosen.html:
        _page(recording, chosen.html)
        return
    table = recording.to_dataframe()
    if chosen.csv:
        table.to_csv(chosen.csv, index=False)
    else:
        table.to_parquet(chosen.parquet, index=False)
    print(f"{len(table):,} rows: {chosen.csv or chosen.parquet}")


def _page(recording: Recording, out: Path) -> None:
    from tqdm import tqdm

    from bnviz.serve.takeaway import page

    with tqdm(total=100, unit=" %", disable=None) as bar:
        text = page(recording, progress=lambda share: bar.update(round(100 * share) - bar.n))
        bar.update(100 - bar.n)
    size = out.write_text(text, encoding="utf-8")
    print(f"{size / 1e6:.1f} MB: {out}")
