from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from bnviz.config import RunConfig
from bnviz.frames import Description
from bnviz.recording import Note, Recording
from bnviz.serve.own_model import own_model
from bnviz.serve.worker import Worker
from tests.support.server import ROOT

NET = """
import torch
from torch import nn

print("made")  # a file may say what it likes

class Net(nn.Module):
    def __init__(self, in_features, out_features):
        super().__init__()
        self.hidden, self.head = nn.Linear(in_features, 16), nn.Linear(16, out_features)

    def forward(self, x):
        return self.head(torch.relu(self.hidden(x)))

def make_model(in_features, out_features): return Net(in_features, out_features)
def normalized(): return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 10))
def broken(): raise RuntimeError("no weights today")
"""


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    file = tmp_path_factory.mktemp("nets") / "mynet.py"
    file.write_text(NET)
    return file


def test_a_model_is_looked_at_before_the_server_starts(net):
    model = own_model(f"{net}:make_model")
    assert model.title == "make_model (mynet.py)"
    assert model.kinds == ()
    assert "digits" in model.fits
    assert model.variants["batch"]["changes"] == ["hidden: BatchNorm inserted after it."]
    assert [arm.label for arm in model.arms] == ["as_is", "batch"]
    assert model.off == "as_is"
    config = model.config(RunConfig())
    assert (config.model, config.dataset) == ("own", "digits")
    with_norm = own_model(f"{net}:normalized")
    assert [arm.label for arm in with_norm.arms] == ["as_is", "none"]
    assert with_norm.off == "none"


def test_what_makes_no_model_is_one_sentence_and_status_2(net):
    for name, told in (("broken", "broken raised RuntimeError: no weights today."), ("nope", "has no function 'nope'")):
        with pytest.raises(ValueError, match=told):
            own_model(f"{net}:{name}")
        for command in (["--no-browser"], ["run", "--no-progress"]):
            done = subprocess.run(
                [sys.executable, "-m", "bnviz.cli", *command, "--model", f"{net}:{name}"],
                capture_output=True, text=True, cwd=ROOT, timeout=120, check=False,
            )  # fmt: skip
            assert done.returncode == 2
            assert told in done.stderr
            assert len(done.stderr.strip().splitlines()) == 1


def test_a_worker_trains_it_and_says_first_which_layers_it_has(net):
    config = RunConfig.from_query("model=own&arms=as_is,batch&steps=21")
    worker = Worker()
    try:
        items = list(worker_items(worker, config, f"{net}:make_model"))
    finally:
        worker.close()
    assert items[0] == Description(("hidden", "head"), ("as_is", "batch"), config)
    frames = [frame for item in items if isinstance(item, tuple) for frame in item]
    assert [frame.step for frame in frames] == [0, 0, 10, 10, 20, 20]
    assert all(np.isfinite(frame.ics_l2).all() for frame in frames)


def worker_items(worker, config, spec):
    for item in worker.run(config, spec):
        yield item
        if isinstance(item, Note) and item.kind == "finished":
            return


def test_without_the_model_a_run_says_what_it_needs():
    worker = Worker()
    try:
        config = RunConfig.from_query("model=own&arms=as_is")
        (note,) = [item for item in worker_items_to_end(worker, config) if getattr(item, "kind", "") == "failed"]
    finally:
        worker.close()
    assert "bnviz --model FILE.py:FUNCTION: got none" in note.text


def worker_items_to_end(worker, config):
    for item in worker.run(config):
        yield item
        if isinstance(item, Note) and item.kind == "stopped":
            return


def test_the_command_line_records_it_by_its_own_names(net, tmp_path):
    out = tmp_path / "own.arrow"
    command = [sys.executable, "-m", "bnviz.cli", "run", "--model", f"{net}:make_model", "--set", "steps=20"]
    subprocess.run([*command, "--out", str(out), "--no-progress"], check=True, capture_output=True, cwd=ROOT)
    recording = Recording.load(out)
    assert recording.config.model == "own"
    assert recording.frames[0].layers == ("hidden", "head")
    assert {frame.arm for frame in recording.frames} == {"as_is", "batch"}


def test_a_net_that_has_batchnorm_is_trained_without_it_beside(net, tmp_path):
    out = tmp_path / "own.arrow"
    command = [sys.executable, "-m", "bnviz.cli", "run", "--model", f"{net}:normalized", "--set", "steps=5"]
    subprocess.run([*command, "--out", str(out), "--no-progress"], check=True, capture_output=True, cwd=ROOT)
    assert Recording.load(out).config.labels == ("as_is", "none")


def test_a_run_of_our_own_nets_needs_no_model_of_the_operator(tmp_path):
    worker = Worker()
    try:
        items = list(worker_items(worker, RunConfig(depth=1, width=4, steps=5), str(tmp_path / "gone.py:f")))
    finally:
        worker.close()
    assert any(isinstance(item, tuple) for item in items)
