"""A sweep against the plain loop over `train`, on real processes, interrupted, and gone on with."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from math import isnan
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
import pytest

from bnviz import Recording, RunConfig, sweep, train
from bnviz.sweeping import running
from bnviz.sweeping.cell import run_cell
from bnviz.sweeping.results import Sweep
from bnviz.sweeping.store import Store
from tests.support.server import wait_for

ROOT = Path(__file__).parents[2]
BASE = RunConfig(depth=2, width=8, dataset="iris", steps=40, batch_size=30, measure_every=10)
GRID = {"depth": [1, 2], "learning_rate": [0.05, 0.5]}
MEASURED = ["train_loss", "test_loss", "train_accuracy", "test_accuracy"]


def plain(table):
    """What does not depend on the clock."""
    return table.drop(columns="seconds")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return sweep(BASE, GRID, seeds=2, out=tmp_path_factory.mktemp("sweep"), jobs=2, progress=False)


def test_each_row_is_the_last_frame_of_train(undisturbed):
    table = undisturbed.to_dataframe()
    wanted = []
    for depth in GRID["depth"]:
        for rate in GRID["learning_rate"]:
            for seed in (0, 1):
                frames = list(train(replace(BASE, depth=depth, learning_rate=rate, seed=seed)))
                for arm in BASE.labels:
                    last = [frame for frame in frames if frame.arm == arm][-1]
                    wanted.append([depth, rate, seed, arm, last.step, *(getattr(last, name) for name in MEASURED)])
    columns = ["depth", "learning_rate", "seed", "arm", "step", *MEASURED]
    pd.testing.assert_frame_equal(table[columns], pd.DataFrame(wanted, columns=columns), check_exact=True)
    assert table["diverged"].tolist() == [0.0] * len(table)
    assert RunConfig.from_query(table["link"][0]) == replace(BASE, depth=1, learning_rate=0.05)
    assert undisturbed.failed == {}


def test_a_recording_of_each_is_kept_as_told(undisturbed, tmp_path):
    cell = next(iter(undisturbed.outcomes))
    assert [frame.step for frame in undisturbed.recording(cell).frames] == [30, 30]
    everything = sweep(BASE, {}, seeds=1, out=tmp_path / "all", keep="all", executor=ThreadPoolExecutor(1))
    (file,) = (tmp_path / "all").glob("*.arrow")
    assert [frame.step for frame in Recording.load(file).frames[::2]] == [0, 10, 20, 30]
    sweep(BASE, {}, seeds=1, out=tmp_path / "none", keep="summary", executor=ThreadPoolExecutor(1))
    assert [file.suffix for file in (tmp_path / "none").iterdir()] == [".json"]
    assert plain(everything.to_dataframe()).equals(plain(sweep(BASE, {}, seeds=1, jobs=1).to_dataframe()))


INTERRUPTED = """
import sys
from bnviz import sweep
from tests.sweeping.test_sweep import BASE, GRID
sweep(BASE, GRID, seeds=2, out=sys.argv[1], jobs=2, progress=False)
"""


def test_killed_at_random_moments_it_goes_on_and_is_as_if_undisturbed(undisturbed, tmp_path):
    rng, done = random.Random(0), set()
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "-c", INTERRUPTED, str(tmp_path)], cwd=ROOT)
        deadline = time.monotonic() + 60
        while len({*tmp_path.glob("*.json")} - done) == 0 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(0.02 * rng.random())
        process.send_signal(signal.SIGKILL)
        process.wait()
        done = {*tmp_path.glob("*.json")}
    assert len(done) >= 2
    times = {file: file.stat().st_mtime_ns for file in done}
    gone_on = sweep(BASE, GRID, seeds=2, out=tmp_path, jobs=1, progress=False)
    assert {file: file.stat().st_mtime_ns for file in done} == times, "what was there was not made again"
    assert plain(gone_on.to_dataframe()).equals(plain(undisturbed.to_dataframe()))
    for cell in undisturbed.outcomes:
        one, other = (each.store.recording(cell).read_bytes() for each in (gone_on, undisturbed))
        assert one == other


@pytest.mark.long
@pytest.mark.timeout(900)
def test_killed_at_twenty_moments_whatever_it_is_doing_it_is_as_if_undisturbed(tmp_path):
    rng, times, out = random.Random(1), {}, tmp_path / "interrupted"
    many = INTERRUPTED.replace("seeds=2", "seeds=100")
    for turn in range(20):
        process = subprocess.Popen([sys.executable, "-c", many, str(out)], cwd=ROOT)
        if turn % 2:  # while it trains and writes; else while it begins, or trains
            wait_for(lambda before=times: len([*out.glob("*.json")]) > len(before))
        time.sleep(rng.uniform(0.0, 4.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
        here = {file: file.stat().st_mtime_ns for file in out.glob("*.json")}
        assert times.items() <= here.items(), "what was there was not made again"
        times = here
    assert 0 < len(times) < 400
    gone_on, plain_one = (sweep(BASE, GRID, seeds=100, out=each, progress=False) for each in (out, tmp_path / "plain"))
    assert len([*out.glob("*.json")]) == len(gone_on.outcomes) == 400
    assert plain(gone_on.to_dataframe()).equals(plain(plain_one.to_dataframe()))
    for cell in plain_one.outcomes:
        assert gone_on.store.recording(cell).read_bytes() == plain_one.store.recording(cell).read_bytes()


def test_a_cell_that_fails_is_a_result_and_the_others_go_on(tmp_path):
    found = sweep(BASE, {"dataset": ["iris", "own-0123456789abcdef-4-3-100-400"]}, seeds=1, out=tmp_path, jobs=1)
    (reason,) = found.failed.values()
    assert "\n" not in reason
    table = found.to_dataframe()
    assert len(table) == 3
    assert table["error"].tolist() == ["", "", reason]
    assert found.figure().data


def test_where_all_fail_the_reason_is_one_sentence(tmp_path):
    found = sweep(BASE, {"dataset": ["own-0123456789abcdef-4-3-100-400"]}, seeds=2, out=tmp_path, jobs=1)
    for ask in (found.figure, found.verdict):
        with pytest.raises(ValueError, match="No run of this sweep has a result: ") as error:
            ask()
        assert len(str(error.value).splitlines()) == 1


def test_more_of_each_run_is_kept_when_it_is_asked_for_later(tmp_path):
    for keep, files in (("summary", 1), ("last", 2), ("summary", 2)):
        sweep(BASE, {}, seeds=1, out=tmp_path, keep=keep, jobs=1)
        assert len([*tmp_path.iterdir()]) == files


def test_an_executor_that_breaks_is_its_owner_s(monkeypatch, tmp_path):
    monkeypatch.setenv("BNVIZ_TEST_DIED", str(tmp_path / "died"))
    monkeypatch.setenv("BNVIZ_TEST_DIES", "always")
    monkeypatch.setattr(running, "run_cell", die_once)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor, pytest.raises(BrokenExecutor):
        sweep(BASE, {}, seeds=2, executor=executor)


def test_divergence_is_a_result_with_its_step():
    config = replace(BASE, learning_rate=1000.0, activation="relu", depth=3, loss="mean_squared_error")
    outcome = run_cell(config.to_query(), "summary")
    assert outcome.error == ""
    rows = {row["arm"]: row for row in outcome.rows}
    assert rows["none"]["diverged_at"] >= 0
    assert isnan(rows["none"]["train_loss"])


def die_once(query, keep):
    """A cell whose process dies the first time, or each time."""
    file = Path(os.environ["BNVIZ_TEST_DIED"])
    if "seed=1&" in f"{query}&" and not (file.exists() and os.environ["BNVIZ_TEST_DIES"] == "once"):
        file.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return run_cell(query, keep)


@pytest.mark.parametrize("dies", ["once", "always"])
def test_a_worker_that_dies_is_tried_again_and_then_said(dies, tmp_path, monkeypatch):
    monkeypatch.setenv("BNVIZ_TEST_DIED", str(tmp_path / "died"))
    monkeypatch.setenv("BNVIZ_TEST_DIES", dies)
    monkeypatch.setattr(running, "run_cell", die_once)
    found = sweep(BASE, {}, seeds=4, jobs=2, progress=False)
    told = ["its process died 3 times, perhaps for want of memory"] if dies == "always" else []
    assert [*found.failed.values()] == told
    assert [cell.config.seed for cell in found.failed] == [1][: len(told)]


def test_what_is_half_there_is_run_again(undisturbed, tmp_path):
    cell = next(iter(undisturbed.outcomes))
    store = Store(tmp_path)
    for text in ("", "{", "[]", '{"rows": 3}', '{"rows": [], "error": ""}'):
        (tmp_path / f"{cell.key}.json").write_text(text)
        assert store.get(cell) is None
    store.put(cell, undisturbed.outcomes[cell], "last")
    assert store.get(cell, "all") is None
    again = store.get(cell, "last")
    assert (
        Sweep(BASE, (), {cell: again})
        .to_dataframe()[MEASURED]
        .equals(Sweep(BASE, (), {cell: undisturbed.outcomes[cell]}).to_dataframe()[MEASURED])
    )
