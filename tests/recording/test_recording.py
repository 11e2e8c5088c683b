from __future__ import annotations

import io
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from bnviz.config import Arm, RunConfig
from bnviz.frames import Event, quantities
from bnviz.lineup import current_arms
from bnviz.recording import Note, Recording, StreamReader, StreamWriter


@pytest.fixture
def recording(make_frame):
    config = RunConfig(depth=2, arms=(Arm("none"), Arm("batch"), Arm("batch")))
    frames = tuple(make_frame(config, step, label) for step in range(0, 50, 10) for label in config.labels)
    events = (Event(20, "change", "none", {"normalization": "batch"}), Event(90, "diverged", "batch"))
    return Recording(config, frames, events)


def same(one, other):
    assert (one.step, one.arm, one.layers) == (other.step, other.arm, other.layers)
    for q in quantities(len(one.layers)):
        np.testing.assert_array_equal(getattr(one, q.name), getattr(other, q.name))


def test_a_recording_comes_back_bit_by_bit(recording, tmp_path):
    recording.save(tmp_path / "run.arrow")
    loaded = Recording.load(tmp_path / "run.arrow")
    assert (loaded.config, loaded.events) == (recording.config, recording.events)
    assert len(loaded.frames) == 15
    for one, other in zip(recording.frames, loaded.frames, strict=True):
        same(one, other)
    assert [path.name for path in tmp_path.iterdir()] == ["run.arrow"]


def test_frames_carry_the_names_of_the_contract(recording):
    frame = recording.frames[0]
    assert frame.input_hist.shape == (3, 64)
    assert frame.input_edges.shape == frame.preactivation_edges.shape == (3, 65)
    assert frame.preactivation_percentiles.shape == (3, 3)
    assert frame.layers == ("layer 1", "layer 2", "output")


@pytest.mark.parametrize("share", [0.999, 0.7, 0.5, 0.31])
def test_a_file_cut_short_opens_up_to_its_last_whole_step(recording, share):
    sink = io.BytesIO()
    recording.write(sink)
    cut = Recording.read(io.BytesIO(sink.getvalue()[: int(share * sink.tell())]))
    assert cut.config == recording.config
    assert len(cut.frames) % 3 == 0
    assert len(cut.frames) <= 15
    for one, other in zip(recording.frames, cut.frames, strict=False):
        same(one, other)


def test_a_run_that_is_killed_leaves_a_recording(tmp_path):
    out = tmp_path / "run.arrow"
    command = [sys.executable, "-m", "bnviz.cli", "run", "--set", "steps=1000000", "--out", str(out), "--no-progress"]
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 60
    while not (out.exists() and out.stat().st_size > 200_000) and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    frames = Recording.load(out).frames
    assert len(frames) >= 4
    assert [(f.step, f.arm) for f in frames[:4]] == [(0, "none"), (0, "batch"), (10, "none"), (10, "batch")]


@pytest.mark.parametrize("content", [b"", b"hello", b"ARROW1\0\0" + b"\0" * 100])
def test_another_file_is_no_recording(content, tmp_path):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ValueError, match="no recording of bnviz"):
        Recording.load(tmp_path / "x")


def test_the_table_has_a_row_per_step_arm_and_layer(recording):
    table = recording.to_dataframe()
    assert len(table) == 5 * 3 * 3
    assert not table.duplicated(["step", "arm", "layer"]).any()
    row = table[(table.step == 20) & (table.arm == "batch (2)") & (table.layer == "layer 2")].iloc[0]
    frame = next(f for f in recording.frames if (f.step, f.arm) == (20, "batch (2)"))
    assert row.train_loss == frame.train_loss
    assert row.grad_norm == frame.grad_norm[1]
    assert row.preactivation_percentiles_p85 == frame.preactivation_percentiles[1, 2]
    assert row.landscape_loss_max == frame.landscape_loss[1]
    assert table.input_mean.dtype == np.float64


def test_notes_and_events_keep_their_place_in_the_stream(make_frame):
    config = RunConfig(depth=1)
    frames = tuple(make_frame(config, 0, label) for label in config.labels)
    items = [Note("running"), frames, Event(1, "diverged", "none"), Note("progress", "half", 0.5)]
    sink = io.BytesIO()
    writer = StreamWriter(sink, config)
    assert StreamReader(io.BytesIO(sink.getvalue())).description.config == config  # readable before the first frame
    for item in items:
        writer.write(item)
    read = list(StreamReader(io.BytesIO(sink.getvalue())))
    assert [type(item) for item in read] == [type(item) for item in items]
    assert (read[2], read[3]) == (items[2], items[3])


def test_a_frame_of_the_wrong_shape_is_refused(make_frame):
    config = RunConfig(depth=1)
    frame = make_frame(config, 0, "none", grad_norm=np.zeros(7))
    with pytest.raises(ValueError, match=r"grad_norm must have shape \(2,\), got \(7,\)"):
        StreamWriter(io.BytesIO(), config).write((frame,))


def test_arms_as_they_are_after_events():
    config = RunConfig()
    events = [
        Event(5, "change", "none", {"normalization": "batch", "learning_rate": "0.1"}),
        Event(6, "fork", "none", {"noise": "True", "label": "batch+noise@0.1"}),
        Event(7, "change", None, {"learning_rate": "3"}),
        Event(8, "change", "none", {"learning_rate": "None"}),
    ]
    assert current_arms(config, events) == {
        "none": Arm("batch"),
        "batch": Arm("batch"),
        "batch+noise@0.1": Arm("batch", noise=True, learning_rate=0.1),
    }


def test_whoever_only_writes_is_spared_pandas():
    code = (
        "import io, sys\n"
        "from bnviz.config import RunConfig\n"
        "from bnviz.frames import Event\n"
        "from bnviz.recording import Note, StreamWriter\n"
        "from bnviz.training import Trainer, record\n"
        "config = RunConfig(depth=1, width=4, steps=20)\n"
        "writer = StreamWriter(io.BytesIO(), config)\n"
        "for item in [Note('starting'), *record(Trainer(config)), Event(10, 'diverged', 'none')]: writer.write(item)\n"
        "sys.exit('pandas' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
