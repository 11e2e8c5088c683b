"""`bnviz sweep`, as it is typed."""

from __future__ import annotations

import pandas as pd
import pytest

from bnviz.cli import main

SMALL = ["--set", "dataset=iris", "--set", "width=8", "--set", "steps=40", "--set", "batch_size=30", "--no-progress"]
GRID = ["--grid", "depth=1,2", "--grid", "learning_rate=0.05..0.5:log2", "--seeds", "2", "--jobs", "1"]


def test_a_sweep_is_a_table_a_picture_and_a_verdict_and_goes_on_where_it_was(tmp_path, capsys):
    out = tmp_path / "sweep"
    assert main(["sweep", *SMALL, *GRID, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Test accuracy, batch against none, at 4 places over 2 seeds:\n")
    assert said.endswith(f"Table: {out / 'sweep.parquet'}\nPicture: {out / 'sweep.html'}\n")
    table = pd.read_parquet(out / "sweep.parquet")
    assert sorted(set(table["learning_rate"])) == [0.05, 0.5]
    assert len(table) == 2 * 2 * 2 * 2
    assert "plotly" in (out / "sweep.html").read_text()
    times = {file: file.stat().st_mtime_ns for file in out.glob("*.json")}
    assert len(times) == 8
    assert main(["sweep", *SMALL, *GRID, "--out", str(out)]) == 0
    assert capsys.readouterr().out == said
    assert {file: file.stat().st_mtime_ns for file in out.glob("*.json")} == times
    assert pd.read_parquet(out / "sweep.parquet").equals(table)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--grid", "depht=1,2"], "A sweep goes over dataset"),
        (["--grid", "depth=1,999"], "depth must be a whole number from 1 to"),
        (["--grid", "depth=1..3"], "A range is A..B:N or A..B:logN"),
        (["--grid", "depth=1", "--grid", "depth=2"], "--grid takes each setting once, got depth twice."),
        (["--grid", "depth=1", "--seeds", "0"], "--seeds and --jobs must be at least 1."),
        (["--grid", "depth=1", "--outcome", "beauty"], "An outcome must be one of test_accuracy"),
        (["--grid", "depth=1", "--dask", "tcp://127.0.0.1:9"], "No Dask scheduler answers at tcp://127.0.0.1:9"),
        ([], "A sweep goes over something: give --grid, such as --grid depth=2,6,20, or --published."),
        (["--published", "depth-scales", "--grid", "depth=1"], "--published brings its own settings and axes"),
        (["--grid", "depth=1", "--small"], "--small is of --published alone."),
    ],
)
def test_mistakes_are_one_line_and_status_2(given, told, tmp_path, capsys):
    assert main(["sweep", *given, "--out", str(tmp_path / "sweep")]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert len(said.splitlines()) == 1
