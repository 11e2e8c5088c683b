"""Sweeps trained for the page, by real processes: paused, gone on with, one after the other, and ended."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import psutil
import pytest

from bnviz.config import RunConfig
from bnviz.serve import sweeps as sweeps_module
from bnviz.serve.sweeps import Refused, Sweeps
from bnviz.source import Status
from bnviz.sweeping.plan import Plan
from bnviz.sweeping.sweep import sweep
from tests.support.server import wait_for

BASE = RunConfig(dataset="iris", depth=1, width=8, batch_size=30, steps=60)
PLAN = Plan(BASE, (("depth", ("1", "2")), ("learning_rate", ("0.05", "0.5"))), 2)
pytestmark = pytest.mark.timeout(400)
LONG = replace(PLAN, base=replace(BASE, steps=600))
"""A few seconds, so that there is something to interrupt."""


@pytest.fixture
def sweeps(tmp_path):
    each = Sweeps(lambda: tmp_path)
    each.processes = 1
    yield each
    each.close()
    wait_for(lambda: not children())


def children():
    return [each for each in psutil.Process().children() if "bnviz.sweeping" in _command(each)]


def _command(process):
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def rows(outcomes):
    """What came out, as text: NaN is no equal to itself."""
    return {cell: str(outcome.rows) for cell, outcome in outcomes.items()}


def files(found):
    return {file.name: file.stat().st_mtime_ns for file in found.store.folder.glob("*.json")}


def test_it_finds_what_a_sweep_without_the_page_does(sweeps):
    found = sweeps.start("me", PLAN)
    assert sweeps.of("me") is found
    wait_for(lambda: found.status is not Status.RUNNING)
    assert (found.status, found.text, found.whole) == (Status.FINISHED, "", True)
    plain = sweep(BASE, dict(PLAN.grid), seeds=2, jobs=1, progress=False)
    assert rows(found.sweep.outcomes) == rows(plain.outcomes)
    assert found.sweep.verdict() == plain.verdict()
    before = files(found)
    again = sweeps.start("somebody else", PLAN)
    assert again.status is Status.FINISHED  # at once: what is known is not trained anew
    assert files(again) == before


def test_it_is_paused_and_goes_on_where_it_was(sweeps):
    found = sweeps.start("me", LONG)
    wait_for(lambda: len(found.outcomes) >= 2)
    assert found.seconds_left > 0
    sweeps.pause("me")
    sweeps.go_on("me")  # before the process has ended
    assert found.status in (Status.WAITING, Status.RUNNING)
    sweeps.pause("me")
    wait_for(lambda: found.child is None)
    assert (found.status, found.seconds_left) == (Status.PAUSED, None)
    assert not children()
    kept = files(found)
    assert 2 <= len(kept) < len(LONG.cells)
    sweeps.go_on("me")
    wait_for(lambda: found.status is Status.FINISHED, 150)
    assert {name: at for name, at in files(found).items() if name in kept} == kept
    assert len(found.outcomes) == len(LONG.cells)


def test_one_that_is_cancelled_keeps_what_has_ended(sweeps):
    found = sweeps.start("me", LONG)
    wait_for(lambda: found.outcomes)
    sweeps.cancel("me")
    wait_for(lambda: found.child is None)
    assert (found.status, found.text) == (Status.STOPPED, "Cancelled.")
    assert 1 <= len(found.sweep.to_dataframe()) < 2 * len(LONG.cells)
    sweeps.forget("me")
    assert sweeps.of("me") is None


def test_one_is_trained_at_a_time_and_the_others_know_their_place(sweeps):
    first, second = sweeps.start("a", LONG), sweeps.start("b", PLAN)
    third = sweeps.start("c", replace(PLAN, seeds=1))
    assert [each.status for each in (first, second, third)] == [Status.RUNNING, Status.WAITING, Status.WAITING]
    assert "number 1 of those that wait" in second.text
    assert "number 2 of those that wait" in third.text
    sweeps.cancel("b")
    assert second.status is Status.STOPPED
    sweeps.cancel("a")
    wait_for(lambda: third.status is Status.FINISHED)


def test_who_is_killed_is_told_and_gone_on_with(sweeps):
    found = sweeps.start("me", LONG)
    wait_for(lambda: found.outcomes)
    os.kill(found.child.pid, signal.SIGKILL)
    wait_for(lambda: found.status is Status.FAILED)
    assert found.text.startswith("Training ended early: its process was killed (signal 9)")
    assert found.text.endswith("What has ended is kept.")
    sweeps.go_on("me")
    wait_for(lambda: found.status is Status.FINISHED, 150)


def test_after_its_time_it_is_paused(sweeps):
    sweeps.minutes = 1 / 60
    found = sweeps.start("me", LONG)
    wait_for(lambda: found.status is Status.PAUSED)
    assert found.text.startswith("Paused: it has trained for 0.0166667 min")


def test_what_may_not_be_trained_is_refused_in_a_sentence(sweeps, monkeypatch):
    monkeypatch.setattr(sweeps_module, "MOST_RUNS", 7)
    with pytest.raises(Refused, match="These are 8 runs, and a sweep on the page may have 7"):
        sweeps.start("me", PLAN)
    own = replace(PLAN, base=replace(BASE, model="own", arms=RunConfig().arms))
    with pytest.raises(Refused, match="networks of bnviz's own"):
        sweeps.start("me", replace(own, seeds=1))
    sweeps.processes = 0
    with pytest.raises(Refused, match="This server trains no sweeps"):
        sweeps.start("me", PLAN)
    assert sweeps.time(PLAN) is None
    assert not children()


def test_how_long_it_takes_is_timed_once(sweeps):
    assert sweeps.time(PLAN) is None
    took = wait_for(lambda: sweeps.time(PLAN))
    assert 3 < took < 120
    assert sweeps.time(PLAN) == took
    assert not children()


def test_a_plan_travels(sweeps):
    assert Plan.from_json(PLAN.to_json()) == PLAN
