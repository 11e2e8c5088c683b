"""Runs on the machines of a real Dask cluster: processes on loopback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import psutil
import pytest
from distributed import LocalCluster

from bnviz.cli import main
from bnviz.config import RunConfig
from bnviz.frames import Event
from bnviz.recording import Note
from bnviz.serve.admission.limits import Limits
from bnviz.serve.cluster import Cluster
from bnviz.serve.hub import Hub
from bnviz.serve.messages import header_of, scene_of
from bnviz.source import Status
from bnviz.training import train
from tests.support.server import ROOT, wait_for

CONFIG = RunConfig(depth=2, width=8, steps=60)
LONG = RunConfig(depth=2, width=8, steps=1_000_000)
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def scheduler():
    with LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as each:
        yield each.scheduler_address


@pytest.fixture(scope="module")
def cluster(scheduler):
    each = Cluster(scheduler)
    yield each
    each.close()


@pytest.fixture
def hub(cluster):
    hub = Hub()
    hub.pool.make = cluster.worker
    hub.admission.limits = Limits(elsewhere=True, cores=2, memory=8)
    hub.open()
    yield hub
    hub.close()


def test_the_frames_are_those_of_the_same_config_anywhere(cluster):
    worker = cluster.worker()
    try:
        found = []
        for item in worker.run(CONFIG):
            found += item if isinstance(item, tuple) else []
            if isinstance(item, Note) and item.kind == "finished":
                worker.send("stop")
    finally:
        worker.close()
    expected = list(train(CONFIG))
    assert len(found) == len(expected) == 12
    for one, other in zip(found, expected, strict=True):
        for name in one.__slots__:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_runs_are_spread_steered_and_say_where_they_live(cluster, hub):
    runs = [hub.start(LONG, "me") for _ in range(2)]
    wait_for(lambda: all(run.step > 50 for run in runs), 120)
    assert {run.worker.where for run in runs} == set(cluster.threads)
    header = header_of(runs[0], scene_of(runs[0], None), None)
    assert header["busy"] == f"on {runs[0].worker.where}"
    hub.admission.measure(runs)  # its memory is not this machine's to see
    runs[0].command("pause")
    wait_for(lambda: runs[0].status is Status.PAUSED)
    runs[0].command("change", arm="none", fields={"normalization": "batch"})
    wait_for(lambda: any(isinstance(each, Event) and each.kind == "change" for each in runs[0].history.snapshot()[1]))
    hub.stop(runs[1])
    wait_for(lambda: runs[1].worker is None)
    assert runs[1].status is Status.STOPPED


def test_a_machine_that_is_lost_is_said_and_the_run_can_be_started_elsewhere(cluster, hub):
    run = hub.start(LONG, "me")
    wait_for(lambda: run.step > 20, 120)
    lost = run.worker.where
    pid = cluster.client.run(os.getpid, workers=[lost])[lost]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: run.status is Status.FAILED)
    assert run.text.startswith(f"Training ended early: the cluster's worker {lost}")
    assert run.text.endswith("All frames so far are kept.")
    assert run.history.latest
    again = hub.restart(run)
    wait_for(lambda: again.step > 20, 120)
    assert again.worker.where != lost


KEEPS_A_RUN = """
import sys
from bnviz.serve.cluster import Cluster
from tests.serve.test_cluster import LONG
cluster = Cluster(sys.argv[1])
for item in cluster.worker().run(LONG):
    if isinstance(item, tuple):
        print("running", flush=True)
"""


def test_a_server_that_is_killed_leaves_nothing_on_the_cluster(cluster, scheduler):
    def theirs():
        """Processes that were forked on the machines: not those that fork them, nor the machines' own."""
        machines = cluster.client.run(os.getpid).values()
        return [each.pid for machine in machines for each in psutil.Process(machine).children(recursive=True)
                if each.ppid() != machine]  # fmt: skip

    wait_for(lambda: len(cluster.threads) == 2)  # one was killed, and comes back
    wait_for(lambda: not theirs())
    server = subprocess.Popen(
        [sys.executable, "-c", KEEPS_A_RUN, scheduler], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout.readline() == "running\n"
    assert theirs()
    server.kill()
    server.wait()
    server.stdout.close()
    wait_for(lambda: not theirs(), 20)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--dask", "tcp://127.0.0.1:9"], "No Dask scheduler answers at tcp://127.0.0.1:9"),
        (["--dask", "tcp://127.0.0.1:9", "--model", "net.py:make"], "--model names a file of this machine"),
    ],
)
def test_mistakes_are_one_line_and_status_2(given, told, capsys):
    assert main([*given, "--no-browser"]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert len(said.splitlines()) == 1
