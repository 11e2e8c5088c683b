"""Workers that are forked from one process."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

from bnviz.config import RunConfig
from bnviz.serve import forked, pool
from bnviz.serve import hub as hub_module
from bnviz.serve.forked import NURSERY, Nursery
from bnviz.serve.hub import Hub
from bnviz.serve.processes import Child
from bnviz.serve.worker import Worker
from tests.support.server import born, wait_for

CONFIG = RunConfig(depth=2, width=8, steps=1_000_000)
pytestmark = pytest.mark.skipif(not forked.FORKS, reason="there is no fork here")


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """A nursery that cannot import torch."""
    (tmp_path / "torch.py").write_text("raise ImportError('torch is broken here')")
    monkeypatch.setitem(forked.ENVIRONMENT, "PYTHONPATH", str(tmp_path))
    nursery = Nursery()
    yield nursery
    nursery.close()


def first_step(worker):
    return next(item for item in worker.run(CONFIG) if isinstance(item, tuple))[0].step


def test_a_worker_is_as_if_started_now(tmp_path, monkeypatch):
    NURSERY.start()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BNVIZ_DATA", "elsewhere")
    worker = Worker()
    try:
        assert first_step(worker) == 0
        process = psutil.Process(worker.pid)
        assert process.cwd() == str(tmp_path)
        assert process.ppid() == NURSERY._process.pid
        assert process.nice() > os.nice(0)
        assert process.memory_full_info().uss < 100e6, "what is imported is shared"
        assert {file.path for file in process.open_files()} == set()
    finally:
        worker.close()
    assert worker.last_words() == "its process was killed (signal 9), perhaps for want of memory"
    wait_for(lambda: not psutil.pid_exists(process.pid))


def test_what_other_data_need_is_shared_as_well():
    NURSERY.start()
    maps = Path("/proc") / str(NURSERY._process.pid) / "maps"
    wait_for(lambda: "sklearn" in maps.read_text())
    worker = Worker()
    try:
        moons = RunConfig(dataset="moons", depth=2, width=8, steps=1_000_000)
        assert next(item for item in worker.run(moons) if isinstance(item, tuple))[0].step == 0
        assert psutil.Process(worker.pid).memory_full_info().uss < 100e6
    finally:
        worker.close()


def test_the_nursery_dies_and_who_was_born_lives_on():
    one = Worker()
    items = one.run(CONFIG)
    next(items)
    old = NURSERY._process
    old.send_signal(signal.SIGKILL)
    old.wait()
    assert one.alive
    assert next(item for item in items if isinstance(item, tuple))
    other = Worker()
    assert first_step(other) == 0
    assert NURSERY._process is not old
    for each in (one, other):
        process = psutil.Process(each.pid)
        each.close()
        assert not each.alive
        wait_for(lambda process=process: not process.is_running())


def test_who_is_not_wanted_any_more_is_not_born():
    nursery = Nursery()
    child = Child(nursery.fork)  # torch is still to be imported
    assert child.alive
    with pytest.raises(ProcessLookupError, match="still to be born"):  # a number would be that of another process
        os.kill(child.pid, signal.SIGSTOP)
    child.close()
    assert (child.alive, child.process.wait()) == (False, -signal.SIGKILL)
    other = Child(nursery.fork)
    born(other)
    process = nursery._process
    Child(nursery.fork).close()  # also where it is ended at once, the nursery, which does not hang, stays
    assert nursery._process is process
    assert process.poll() is None
    wait_for(lambda: [each.pid for each in psutil.Process(nursery._process.pid).children()] == [other.pid])
    other.stdin.close()
    assert other.last_words() == "its process ended with status 0"
    other.close()
    nursery.close()


def test_who_has_just_ended_by_itself_can_be_ended(monkeypatch):
    child = Child(NURSERY.fork)
    os.kill(pid := born(child), signal.SIGKILL)
    wait_for(lambda: not psutil.pid_exists(pid))
    monkeypatch.setattr(forked.Forked, "_hear", lambda *_: False)  # it was told a moment too late
    child.process.kill()
    monkeypatch.undo()
    child.close()


def test_why_nobody_can_be_born_is_said(broken):
    child = Child(broken.fork)
    assert child.stdout.read() == b""
    assert child.last_words() == "ImportError: torch is broken here"
    child.close()


def test_without_fork_one_stands_by(monkeypatch):
    for module in (pool, hub_module):
        monkeypatch.setattr(module, "FORKS", False)
    monkeypatch.setattr(pool, "SPARES", 1)
    monkeypatch.setattr(Worker.__init__, "__defaults__", (False, None))
    hub = Hub()
    hub.open()
    try:
        assert hub.workers == 1
        run = hub.start(CONFIG, "me")
        wait_for(lambda: run.step > 0)
        worker = run.worker
        assert psutil.Process(worker.pid).ppid() == os.getpid()
        hub.stop(run)
        wait_for(lambda: run.worker is None)
        assert worker.alive, "it stands by for the next run"
    finally:
        hub.close()
    assert not worker.alive
