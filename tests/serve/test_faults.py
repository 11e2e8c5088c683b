"""What fails around a run: each is survived, with a clear sentence and nothing recorded lost. Workers are real."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest

import bnviz
from bnviz.awake import AwakeClock
from bnviz.config import RunConfig
from bnviz.recording import Note, Recording
from bnviz.serve import hub as hub_module
from bnviz.serve import worker as worker_module
from bnviz.serve.shelf import Shelf
from bnviz.serve.worker import Worker
from bnviz.source import Status
from tests.serve.conftest import without_runs
from tests.support import server as support
from tests.support.server import ROOT, born

CONFIG = RunConfig(depth=2, width=8, steps=1_000_000)
BNVIZ = Path(bnviz.__file__).parent
LARGE = RunConfig(depth=50, width=256, batch_size=1024, measure_every=1)
"""A step of it takes seconds on a busy machine."""
wait_for = partial(support.wait_for, seconds=150)
pytestmark = pytest.mark.long


@pytest.fixture
def hub(open_hub, monkeypatch):
    """The same for all; no run is left in it."""
    monkeypatch.setattr(hub_module, "UNWATCHED_SECONDS", 600.0)
    yield open_hub
    without_runs(open_hub)


def gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def kept_steps(file):
    """The steps in a run's file; every one that was measured is there."""
    steps = [frame.step for frame in Recording.load(file).frames[::2]]
    assert steps == list(range(0, 10 * len(steps), 10))
    return steps


def test_the_clock_by_which_runs_are_ended_stands_still_while_this_process_does(monkeypatch):
    clock, now = AwakeClock(), time.monotonic
    before = clock.now()
    monkeypatch.setattr(time, "monotonic", lambda: now() + 3600)  # stopped for an hour, and continued
    assert clock.now() - before < 600
    monkeypatch.setattr(time, "monotonic", lambda: now() + 3610)
    assert 10 <= clock.now() - before < 600


def test_the_clock_on_the_wall_ends_nothing():
    naming = {str(file.relative_to(BNVIZ)) for file in BNVIZ.rglob("*.py") if "time.time(" in file.read_text()}
    assert naming == {
        "serve/shelf/__init__.py", "serve/shelf/card.py", "serve/follow.py", "data/openml.py",  # dates of files
        "serve/stream.py",  # when a frame was heard, for programs that measure how old it is
    }  # fmt: skip


@pytest.mark.parametrize("seed", [0, 1])
def test_killed_at_a_random_moment_nothing_measured_is_lost_and_the_neighbour_goes_on(hub, seed):
    run, neighbour = hub.start(CONFIG, "me"), hub.start(CONFIG, "you")
    wait_for(lambda: run.step > 20 and neighbour.step > 20)
    time.sleep(random.Random(seed).random())
    process = run.worker.pid
    os.kill(process, signal.SIGKILL)
    wait_for(lambda: run.status is Status.FAILED)
    assert "All frames so far are kept." in run.text
    at = neighbour.step
    wait_for(lambda: neighbour.step > at + 100)
    assert neighbour.status is Status.RUNNING
    assert kept_steps(run.file)[-1] == run.step
    assert gone(process)


def test_a_hung_worker_is_ended_and_said_and_one_that_rests_is_not(hub, monkeypatch):
    monkeypatch.setattr(worker_module, "IDLE_LOOKS", 6)
    run, neighbour = hub.start(CONFIG, "me"), hub.start(CONFIG, "you", for_viewers=True)
    wait_for(lambda: run.step > 20 and neighbour.status is Status.PAUSED)
    process = run.worker.pid
    os.kill(process, signal.SIGSTOP)
    wait_for(lambda: run.status is Status.FAILED)
    assert run.text == (
        "Training ended: its process has given no sign of life for 6 seconds. All frames so far are kept."
    )
    wait_for(lambda: run.worker is None)
    assert gone(process)
    assert kept_steps(run.file)[-1] == run.step
    assert neighbour.status is Status.PAUSED
    again = hub.restart(run)
    wait_for(lambda: again.step > 20)


def test_a_worker_that_hangs_before_its_first_word_is_found_too(monkeypatch):
    monkeypatch.setattr(worker_module, "IDLE_LOOKS_AT_FIRST", 3)
    worker = Worker()
    try:
        os.kill(born(worker), signal.SIGSTOP)
        items = worker.run(CONFIG)
        assert [worker.look(begun=False) for _ in range(3)][-1].startswith("its process has given no sign of life")
        worker.close()
        assert list(items) == []
    finally:
        worker.close()


def test_a_step_that_takes_long_is_not_hung_unless_it_never_ends(monkeypatch):
    monkeypatch.setattr(worker_module, "IDLE_LOOKS", 3)
    worker = Worker()
    try:
        for item in worker.run(LARGE):
            if isinstance(item, Note) and item.kind == "running":
                break
        worker._listening = True  # as while the next word is waited for
        looks = []
        for _ in range(8):
            time.sleep(0.25)
            looks.append(worker.look(begun=True))
        assert looks == [""] * 8
        monkeypatch.setattr(worker_module, "SILENT_LOOKS", 1)
        time.sleep(0.25)
        assert worker.look(begun=True).startswith("a single step has taken longer than")
    finally:
        worker.close()


def test_without_memory_a_run_ends_with_a_sentence_that_says_what_takes_less():
    worker = Worker()
    try:
        items = worker.run(replace(CONFIG, steps=10))
        next(item for item in items if isinstance(item, Note) and item.kind == "finished")
        worker.send("stop")
        list(items)
        process = psutil.Process(worker.pid)
        room = process.memory_info().vms + 100_000_000
        process.rlimit(resource.RLIMIT_AS, (room, room))
        said = [item for item in worker.run(LARGE) if isinstance(item, Note)]
        assert said[-1].kind == "failed"
        assert "not enough memory" in said[-1].text
        assert "A smaller batch size, width or depth" in said[-1].text
        wait_for(lambda: not worker.alive)
    finally:
        worker.close()


KEEPS_A_RUN = """
import time
from bnviz.serve.hub import Hub
from tests.serve.test_faults import CONFIG, born
hub = Hub()
hub.open()
run = hub.start(CONFIG, "me")
while True:
    print(born(run.worker), run.step, flush=True)
    time.sleep(0.01)
"""


def test_killed_hard_the_server_leaves_no_process_and_its_recordings_open_up_to_the_last_frame(tmp_path):
    server = subprocess.Popen(
        [sys.executable, "-c", KEEPS_A_RUN], stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "BNVIZ_RECORDINGS": str(tmp_path)},
    )  # fmt: skip
    while (told := server.stdout.readline().split()) and int(told[1]) < 100:
        pass
    children = psutil.Process(server.pid).children(recursive=True)
    server.kill()
    *_, last = [told, *(line.split() for line in server.communicate()[0].splitlines() if line)]
    wait_for(lambda: all(gone(child.pid) for child in children))
    shelf = Shelf(tmp_path)
    (entry,) = shelf.entries("me")
    assert kept_steps(entry.file)[-1] >= int(last[1])
    assert shelf.examine(entry).step == kept_steps(entry.file)[-1]


HELPS = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-m", "bnviz.recording", sys.argv[1]], stdin=subprocess.DEVNULL)
print(child.pid, flush=True)
child.wait()
"""


def test_a_helper_without_a_leash_ends_with_a_server_that_is_killed_too(tmp_path):
    endless = tmp_path / "endless.arrow"
    os.mkfifo(endless)
    server = subprocess.Popen([sys.executable, "-c", HELPS, str(endless)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    helper = int(server.stdout.readline())
    with endless.open("wb"):  # it has begun to read
        server.kill()
        server.communicate()
        wait_for(lambda: gone(helper))


def test_on_a_full_disk_the_run_goes_on_and_says_that_it_is_not_being_kept(hub):
    run = hub.start(CONFIG, "me")
    wait_for(lambda: run.step > 100)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (run.file.stat().st_size + 50_000, before[1]))
    try:
        wait_for(lambda: run.unkept)
        at = run.step
        wait_for(lambda: run.step > at + 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert run.status is Status.RUNNING
    assert run.unkept == "From here on this run is not being kept: File too large."
    assert kept_steps(run.file)[-1] >= 100


def test_a_clock_that_is_set_ends_nothing(hub, monkeypatch):
    run = hub.start(CONFIG, "me")
    wait_for(lambda: run.step > 20)
    now = time.time
    for jump in (86_400, -86_400, 0):
        monkeypatch.setattr(time, "time", lambda jump=jump: now() + jump)
        at = run.step
        hub._make_room()
        wait_for(lambda at=at: run.step > at + 50)
        assert run.status is Status.RUNNING
        assert run.file.exists()
    assert not run.unkept
    hub.stop(run)
    wait_for(lambda: run.worker is None and kept_steps(run.file)[-1] == run.step)
