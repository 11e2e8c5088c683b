from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
import torch
from torch import nn

import bnviz
from bnviz.charts.scene import View
from bnviz.recording import Recording, load_safely
from bnviz.serve import follow
from bnviz.serve.follow import Followed, still_written
from bnviz.serve.messages import scene_message, scene_of
from bnviz.source import Status
from tests.serve.test_hub import wait_for
from tests.support.server import ROOT

LOOP = """
import sys, torch, bnviz
from torch import nn
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer, loss = torch.optim.SGD(model.parameters(), 0.1), nn.CrossEntropyLoss()
watch = bnviz.watch(model, optimizer, loss, every=1, out=sys.argv[1])
for line in sys.stdin:
    optimizer.zero_grad()
    loss(model(torch.randn(16, 4)), torch.randint(0, 2, (16,))).backward()
    optimizer.step()
watch.close()
"""


@pytest.fixture
def loop(tmp_path):
    """A user's own process that makes a step for each line, and its file."""
    file = tmp_path / "run.arrow"
    process = subprocess.Popen([sys.executable, "-c", LOOP, str(file)], stdin=subprocess.PIPE, cwd=ROOT, text=True)
    yield process, file
    process.stdin.close()
    process.wait(30)


def step(process):
    process.stdin.write("\n")
    process.stdin.flush()


def test_a_file_is_followed_while_another_process_writes_it(loop):
    process, file = loop
    step(process)
    wait_for(lambda: file.exists() and file.stat().st_size > 0)
    wait_for(lambda: Recording.load(file).frames)
    assert still_written(file)
    source = Followed(load_safely(file), file)
    told = []
    source.watch(lambda: told.append(len(source.history.snapshot()[0])))
    for count in range(2, 5):
        step(process)
        wait_for(lambda count=count: len(source.recording.frames) == count, 20)
    assert source.status is Status.GROWING
    assert source.description.layers == ("0", "2")
    process.stdin.close()
    process.wait(30)
    wait_for(lambda: source.status is Status.KEPT, 20)
    assert not source.text
    assert not still_written(file)
    assert [frame.step for frame in source.recording.frames] == [0, 1, 2, 3]
    assert told


def test_a_file_that_is_still_empty_is_waited_for(loop):
    process, file = loop
    wait_for(file.exists, 60)
    assert not file.stat().st_size
    assert still_written(file)
    source = Followed(None, file)
    said = scene_message(source, scene_of(source, None), View())
    assert said["empty"]
    assert said["status"] == "growing"
    assert [span["text"] for span in said["sentence"]] == ["Waiting for the first measured step in run.arrow …"]
    step(process)
    wait_for(lambda: source.history.latest, 20)
    assert source.description.layers == ("0", "2")
    said = scene_message(source, scene_of(source, None), View())
    assert not said["empty"]
    assert "loss" in "".join(span["text"] for span in said["sentence"])
    assert not source.text
    source.close()


def test_a_writer_that_is_killed_takes_nothing_along(loop):
    process, file = loop
    step(process)
    wait_for(lambda: file.exists() and file.stat().st_size > 0)
    wait_for(lambda: Recording.load(file).frames)
    source = Followed(load_safely(file), file)
    wait_for(lambda: source.history.latest)
    process.kill()
    process.wait(30)
    time.sleep(3 * follow.LOOK_SECONDS)
    assert source.status is Status.GROWING
    assert len(source.recording.frames) == 1
    source.close()
    assert source.status is Status.KEPT


def test_a_file_cut_short_long_ago_is_not_waited_for(tmp_path):
    file = tmp_path / "old.arrow"
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer, loss = torch.optim.SGD(model.parameters(), 0.1), nn.CrossEntropyLoss()
    watch = bnviz.watch(model, optimizer, loss, every=1, out=file)
    loss(model(torch.randn(16, 4)), torch.randint(0, 2, (16,))).backward()
    optimizer.step()
    assert still_written(file)
    long_ago = time.time() - 2 * follow.RECENT_SECONDS
    os.utime(file, (long_ago, long_ago))
    assert not still_written(file)
    watch.close()
