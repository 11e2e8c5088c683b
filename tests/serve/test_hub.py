from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace

import psutil
import pytest

from bnviz.config import Arm, RunConfig
from bnviz.config.change import difference
from bnviz.recording import Recording
from bnviz.serve import hub as hub_module
from bnviz.serve.hub import Hub
from bnviz.serve.pool import SPARES
from bnviz.source import Status
from tests.support.server import workers_of

CONFIG = RunConfig(depth=2, width=8, steps=1_000_000)


def wait_for(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


def workers():
    return workers_of(os.getpid())


@pytest.fixture
def hub():
    each = Hub()
    each.open()
    yield each
    each.close()
    wait_for(lambda: not workers(), 20)


def test_runs_are_independent(hub):
    one, two = hub.start(CONFIG, "me"), hub.start(replace(CONFIG, seed=1), "you")
    wait_for(lambda: one.step > 50 and two.step > 50)
    one.command("pause")
    wait_for(lambda: one.status is Status.PAUSED)
    at, other = one.step, two.step
    wait_for(lambda: two.step > other + 100)
    assert one.step == at
    assert (one.status, two.status) == (Status.PAUSED, Status.RUNNING)
    assert two.rate > 0
    assert len({one.id, two.id, one.control, two.control}) == 4
    assert one.controlled_by(one.control)
    assert not one.controlled_by(two.control)
    assert not one.controlled_by(None)
    assert hub.get(one.id) is one


def test_a_change_while_running_is_an_event_and_a_restart_takes_the_place(hub):
    run = hub.start(CONFIG, "me")
    wait_for(lambda: run.step > 20)
    wanted = replace(CONFIG, learning_rate=0.1, arms=(Arm("batch"), Arm("batch")))
    run.become(wanted, difference(CONFIG, wanted))
    wait_for(lambda: len(run.history.snapshot()[1]) == 2)
    assert run.status is Status.RUNNING
    assert run.config.learning_rate == 0.1
    after = hub.restart(run)
    assert (after.id, after.control, after.owner) == (run.id, run.control, "me")
    assert run.successor is after
    assert hub.get(run.id) is after
    assert after.started_with == run.config
    wait_for(lambda: after.step > 20)
    assert run.status is Status.STOPPED
    assert run.worker is None


def test_restart_pressed_twice_starts_one_run(hub):
    run = hub.start(CONFIG, "me")
    wait_for(lambda: run.step > 0)
    found = []
    presses = [threading.Thread(target=lambda: found.append(hub.restart(run))) for _ in range(4)]
    for press in presses:
        press.start()
    for press in presses:
        press.join()
    assert len({id(each) for each in found}) == 1
    assert hub.get(run.id) is found[0]
    wait_for(lambda: found[0].step > 0)
    assert len(hub.pool.busy) == 1
    assert len(workers()) <= 1 + SPARES


def test_killed_from_outside_it_keeps_its_frames_and_others_notice_nothing(hub):
    run, other = hub.start(CONFIG, "me"), hub.start(CONFIG, "you")
    wait_for(lambda: run.step > 50 and other.step > 50)
    os.kill(run.worker.pid, signal.SIGKILL)
    wait_for(lambda: run.status is Status.FAILED)
    why = "its process was killed (signal 9), perhaps for want of memory"
    assert run.text == f"Training ended early: {why}. All frames so far are kept."
    assert run.step > 50
    at = other.step
    wait_for(lambda: other.step > at)
    wait_for(lambda: hub.restart(run).step >= 0)


def test_what_nobody_watches_is_stopped_and_then_forgotten(hub, monkeypatch):
    watched, alone = hub.start(CONFIG, "me"), hub.start(CONFIG, "you")
    watched.watch(print_nothing := lambda: None)
    wait_for(lambda: watched.step > 0 and alone.step > 0)
    process = alone.worker.pid
    monkeypatch.setattr(hub_module, "UNWATCHED_SECONDS", 0.5)
    wait_for(lambda: alone.status is Status.WAITING and alone.worker is None)
    assert watched.status is Status.RUNNING
    assert "nobody was watching" in alone.text
    wait_for(lambda: not psutil.pid_exists(process))
    monkeypatch.setattr(hub_module, "FORGET_SECONDS", 1.0)
    wait_for(lambda: hub.get(alone.id) is None)
    watched.leave(print_nothing)
    wait_for(lambda: watched.worker is None)


def test_a_run_rests_while_its_viewers_are_away(hub, monkeypatch):
    monkeypatch.setattr(hub_module, "NAP_SECONDS", 0.2)
    run, program = hub.start(CONFIG, "me"), hub.start(CONFIG, "you")
    wait_for(lambda: run.step > 0 and program.step > 0)
    run.watch(viewer := lambda: None)
    run.leave(viewer)
    wait_for(lambda: run.status is Status.PAUSED)
    at, other = run.step, program.step
    wait_for(lambda: program.step > other + 200)
    assert run.step == at
    run.watch(viewer)
    wait_for(lambda: run.step > at + 50)
    run.command("pause")
    wait_for(lambda: run.status is Status.PAUSED)
    at = run.step
    run.leave(viewer)
    rounds = tended(hub, monkeypatch)
    wait_for(lambda: run.alone_for > 0.2 and rounds() > 1)  # it would have been put to rest
    run.watch(viewer)
    run.command("rename", arm="none", name="still")  # whatever was asked for before it has happened by then
    wait_for(lambda: any(event.kind == "rename" for event in run.history.snapshot()[1]))
    assert (run.status, run.step) == (Status.PAUSED, at)  # by its owner's will


def tended(hub, monkeypatch):
    """How often the janitor has been at work from now on."""
    rounds = []
    monkeypatch.setattr(hub.pool, "refill", lambda: rounds.append(1))
    return lambda: len(rounds)


def test_a_run_made_for_viewers_waits_for_the_first_of_them(hub):
    run = hub.start(CONFIG, "me", for_viewers=True)
    wait_for(lambda: run.status is Status.PAUSED)
    at = run.step
    assert run.history.latest is not None
    run.command("rename", arm="none", name="still")  # what it tells comes after what it has trained
    wait_for(lambda: any(event.kind == "rename" for event in run.history.snapshot()[1]))
    assert run.step == at
    run.watch(lambda: None)
    wait_for(lambda: run.step > at + 50)


def test_a_worker_that_does_not_answer_is_not_waited_for(hub, monkeypatch):
    monkeypatch.setattr(hub_module, "STOPPING_SECONDS", 0.3)
    run = hub.start(CONFIG, "me")
    wait_for(lambda: run.step > 0)
    worker = run.worker
    os.kill(worker.pid, signal.SIGSTOP)
    hub.stop(run)
    wait_for(lambda: run.worker is None, 5)
    assert run.status is Status.STOPPED
    assert not worker.alive


def test_all_of_a_run_is_kept_on_disk_though_the_page_shows_a_part(hub, monkeypatch):
    monkeypatch.setattr("bnviz.history.MAX_STEPS", 20)
    monkeypatch.setattr("bnviz.history.MIN_STEPS", 20)
    run = hub.start(replace(CONFIG, steps=500, measure_every=5), "me")
    wait_for(lambda: run.status is Status.FINISHED)
    assert len(run.history.snapshot()[0]) == 20
    kept = Recording.load(run.file)
    assert kept.config == run.started_with
    assert [frame.step for frame in kept.frames[::2]] == list(range(0, 500, 5))


def test_where_it_cannot_be_kept_the_run_goes_on_and_says_so(hub, monkeypatch):
    run = hub.start(CONFIG, "me")
    wait_for(lambda: run.step > 20)
    monkeypatch.setattr("bnviz.serve.keeping.MAX_BYTES", 1000)
    wait_for(lambda: run.keeper.problem)
    at = run.step
    wait_for(lambda: run.step > at + 50)
    assert "not being kept" in run.text
    assert run.unkept == run.keeper.problem
    assert Recording.load(run.file).frames


def test_what_was_kept_outlives_a_restart_and_the_server(monkeypatch, tmp_path):
    monkeypatch.setenv("BNVIZ_RECORDINGS", str(tmp_path))
    each = Hub()
    each.open()
    run = each.start(CONFIG, "me")
    wait_for(lambda: run.step > 20)
    assert [entry.writing for entry in each.shelf.entries("me")] == [True]
    after = each.restart(run)
    wait_for(lambda: after.step > 20)
    each.close()
    assert after.worker is None, "its thread still reads; at Python's end that aborts the process"
    later = Hub().shelf.entries("me")
    assert [entry.file for entry in later] == [after.file, run.file]
    for entry in later:
        assert not entry.writing
        assert entry.known
        assert entry.card.picture.startswith("<svg")
        frames = Recording.load(entry.file).frames
        assert (entry.card.step, entry.card.measured) == (frames[-1].step, len(frames) // 2)
    assert Hub().shelf.entries("you") == []
