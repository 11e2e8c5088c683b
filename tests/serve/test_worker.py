from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import psutil
import pytest

from bnviz.config import Arm, RunConfig
from bnviz.frames import Event, quantities
from bnviz.recording import Note, StreamWriter
from bnviz.serve.processes import Child, spawned
from bnviz.serve.worker import Worker
from bnviz.training import Trainer, train

LONG = RunConfig(depth=2, width=8, steps=1_000_000)


@pytest.fixture
def worker():
    child = Worker()
    yield child
    child.close()


def gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def until(items, done):
    """Items up to the first for which `done` holds."""
    seen = []
    for item in items:
        seen.append(item)
        if done(item):
            return seen
    pytest.fail(f"the worker ended: {seen[-3:]}")


def is_note(kind):
    return lambda item: isinstance(item, Note) and item.kind == kind


def test_frames_of_a_worker_are_those_of_train(worker):
    config = RunConfig(depth=3, width=16, steps=40)
    items = until(worker.run(config), is_note("finished"))
    frames = [frame for item in items if isinstance(item, tuple) for frame in item]
    expected = list(train(config))
    assert [(f.step, f.arm) for f in frames] == [(f.step, f.arm) for f in expected]
    for one, two in zip(frames, expected, strict=True):
        for q in quantities(4):
            np.testing.assert_array_equal(getattr(one, q.name), getattr(two, q.name))


def test_paused_it_rests_and_a_step_is_one_update(worker):
    items = worker.run(LONG)
    until(items, lambda item: isinstance(item, tuple) and item[0].step > 100)
    worker.send("pause")
    at = until(items, is_note("paused"))[-1].value
    process = psutil.Process(worker.pid)
    before = sum(process.cpu_times()[:2])
    time.sleep(0.5)
    assert sum(process.cpu_times()[:2]) - before < 0.05
    for expected in (at, at + 1):
        worker.send("step")
        assert until(items, lambda item: isinstance(item, tuple))[-1][0].step == expected
    worker.send("play")
    assert until(items, lambda item: isinstance(item, tuple))[-1][0].step > at + 1


def test_changes_are_events_and_mistakes_are_notes(worker):
    items = worker.run(LONG)
    until(items, lambda item: isinstance(item, tuple))
    worker.send("change", arm="none", fields={"normalization": "batch"})
    event = until(items, lambda item: isinstance(item, Event))[-1]
    assert (event.kind, event.arm, event.changes) == ("change", "none", {"normalization": "batch"})
    worker.send("change", arm=None, fields={"learning_rate": "-1"})
    problem = until(items, is_note("problem"))[-1]
    assert problem.text == "learning_rate must be a number from 0 to 1000, got '-1'."
    until(items, lambda item: isinstance(item, tuple))


def test_a_finished_run_goes_on_when_asked_and_a_stopped_worker_takes_another(worker):
    config = RunConfig(depth=2, width=8, steps=20)
    items = worker.run(config)
    until(items, is_note("finished"))
    worker.send("play")
    more = until(items, is_note("finished"))
    assert [item[0].step for item in more if isinstance(item, tuple)] == [20, 30]
    worker.send("stop")
    until(items, is_note("stopped"))
    assert list(items) == []
    until(worker.run(config), is_note("finished"))


def test_frames_after_a_change_and_a_fork_are_those_of_a_trainer(worker):
    arms = (Arm("batch", noise=True), Arm("none"))
    config = RunConfig(depth=2, width=8, arms=arms, optimizer="momentum", learning_rate=0.05)
    trainer = Trainer(config)
    items = worker.run(config, rest_at=0)
    until(items, lambda item: isinstance(item, tuple))
    trainer.step()
    worker.send("change", arm="none", fields={"normalization": "weight"})
    trainer.change(arm="none", normalization="weight")
    worker.send("fork", arm="batch+noise", fields={"learning_rate": "0.5"})
    trainer.fork("batch+noise", learning_rate=0.5)
    for place in range(3):
        if place:  # while it rests a fork brings the first
            worker.send("step")
        frames = until(items, lambda item: isinstance(item, tuple))[-1]
        for one, two in zip(frames, trainer.step(measure=True), strict=True):
            assert (one.step, one.arm) == (two.step, two.arm)
            for q in quantities(3):
                np.testing.assert_array_equal(getattr(one, q.name), getattr(two, q.name))


def test_a_run_takes_one_process(worker):
    items = worker.run(LONG)
    until(items, lambda item: isinstance(item, tuple))
    assert psutil.Process(worker.pid).children(recursive=True) == []


def test_it_ends_at_once_even_amid_a_long_measurement(worker):
    items = worker.run(RunConfig(depth=50, width=256, batch_size=1024, measure_every=1))
    until(items, is_note("running"))
    worker.close()
    assert gone(worker.pid, 10)


def test_killed_from_outside_it_says_so(worker):
    items = worker.run(LONG)
    until(items, lambda item: isinstance(item, tuple))
    os.kill(worker.pid, signal.SIGKILL)
    rest = list(items)
    assert not any(isinstance(item, Note) and item.kind == "stopped" for item in rest)
    assert worker.last_words() == "its process was killed (signal 9), perhaps for want of memory"
    worker.send("pause")  # nobody there: lost, not raised


def test_two_threads_may_close_it_at_once():
    raised = []

    def close(child, start):
        start.wait()
        try:
            child.close()
        except Exception as error:  # noqa: BLE001 (told by the test)
            raised.append(error)

    for _ in range(20):
        child, start = Child(spawned("sched")), threading.Barrier(4)
        child.stdin.write(b"what nobody will read")
        threads = [threading.Thread(target=close, args=(child, start)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert raised == []


@pytest.mark.parametrize("forked", [True, False])
def test_it_ends_with_its_parent_however_that_dies(forked):
    code = (
        "from tests.support.server import born\n"
        "from bnviz.serve.worker import Worker; from bnviz.config import RunConfig\n"
        f"w = Worker({forked})\n"
        "print(born(w), flush=True)\n"
        "for item in w.run(RunConfig(steps=1000000)): pass"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    time.sleep(1)
    assert psutil.pid_exists(pid)
    parent.kill()
    parent.communicate()
    assert gone(pid, 5)


def test_a_slow_pace_measures_each_step(worker):
    items = worker.run(LONG)
    until(items, lambda item: isinstance(item, tuple))
    started = time.monotonic()  # before it is asked for, so that frames which wait in the pipe do not count as fast
    worker.send("pace", interval=0.1)
    until(items, lambda item: isinstance(item, tuple) and item[0].step % 10)
    steps = [until(items, lambda item: isinstance(item, tuple))[-1][0].step for _ in range(5)]
    assert time.monotonic() - started >= 0.39, "four waits of a tenth of a second at least"
    assert np.diff(steps).tolist() == [1, 1, 1, 1]


def test_data_out_of_reach_are_a_sentence_not_a_crash(tmp_path, monkeypatch):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    child = Worker()
    try:
        items = list(until(child.run(RunConfig(dataset="mnist", batch_size=32)), is_note("stopped")))
    finally:
        child.close()
    failed = next(item for item in items if is_note("failed")(item))
    assert "openml.org" in failed.text
    assert "digits" in failed.text


def test_lines_that_are_no_commands_are_passed_over(worker):
    lines = (b"\n", b"no json\n", b"[]\n", b"{}\n", b'{"command": []}\n', b"\xff\xfe\n", b"[" * 10_000 + b"\n")
    worker.stdin.write(b"".join(lines))
    until(worker.run(LONG), lambda item: isinstance(item, tuple))
    worker.stdin.close()
    assert gone(worker.pid, 30)  # it still hears the end of its leash


class Says(Worker):
    """A worker that says other bytes than a worker's."""

    def __init__(self, said: bytes) -> None:
        super().__init__()
        self.stdout.close()
        self.stdout = io.BytesIO(said)


@pytest.mark.parametrize("note", [Note("no such"), Note("problem", []), Note("running", value="x"), Note([])])
def test_what_it_says_without_sense_ends_the_run_and_is_said(note):
    sink = io.BytesIO()
    writer = StreamWriter(sink, LONG)
    for each in (Note("running"), note, Note("stopped")):
        writer.write(each)
    worker = Says(sink.getvalue())
    assert [each.kind for each in list(worker.run(LONG))[1:]] == ["running"]
    worker.close()
    assert worker.last_words() == "what its process said makes no sense"
