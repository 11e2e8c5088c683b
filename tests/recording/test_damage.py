"""Recordings that were changed, cut, written by another version, or by somebody else's loop."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from bnviz.config import Arm, RunConfig
from bnviz.frames import Description, Event, quantities
from bnviz.recording import Recording, StreamWriter, load_safely
from bnviz.recording.arrow import DAMAGED, NO_RECORDING

CONFIG = RunConfig(depth=1, width=2, arms=(Arm("batch"), Arm("none")))
FILES = 3000


def same(one, other) -> bool:
    values = ((getattr(one, q.name), getattr(other, q.name)) for q in quantities(len(one.layers)))
    return (one.step, one.arm) == (other.step, other.arm) and all(
        np.array_equal(a, b, equal_nan=True) for a, b in values
    )


@pytest.fixture
def recording(make_frame) -> Recording:
    frames = tuple(make_frame(CONFIG, step, label) for step in range(0, 40, 10) for label in CONFIG.labels)
    return Recording(CONFIG, frames, (Event(20, "change", "none", {"normalization": "batch"}),))


@pytest.fixture
def written(recording) -> bytes:
    sink = io.BytesIO()
    recording.write(sink)
    return sink.getvalue()


def changed(data: bytes, rng: np.random.Generator) -> bytes:
    """1 to 30 bytes changed or missing."""
    harmed = bytearray(data)
    for _ in range(rng.integers(1, 31)):
        place = int(rng.integers(len(harmed)))
        if rng.random() < 0.3:
            del harmed[place]
        else:
            harmed[place] = int(rng.integers(256))
    return bytes(harmed)


def read(data: bytes) -> Recording | None:
    try:
        return Recording.read(io.BytesIO(data))
    except ValueError as error:
        if str(error) != NO_RECORDING:
            raise
        return None


def test_no_damage_ends_the_process_and_every_whole_step_before_it_is_kept(recording, written):
    rng = np.random.default_rng(0)
    refused = partly = 0
    for _ in range(FILES):
        harmed = changed(written, rng)
        begins = next((i for i, (a, b) in enumerate(zip(written, harmed, strict=False)) if a != b), len(harmed))
        found = read(harmed)
        if found is None:  # what was hit is the schema, without which nothing can be read
            refused += 1
            continue
        assert all(map(same, found.frames, recording.frames))
        assert len(found.frames) >= len(Recording.read(io.BytesIO(written[:begins])).frames)
        assert found.damage in ("", DAMAGED)  # none where no more than the mark of its end was hit
        partly += bool(found.damage)
    assert refused + partly > 0.9 * FILES
    assert min(refused, partly) > 500


def test_a_damaged_file_is_exported_up_to_the_damage_and_said(written, tmp_path):
    file = tmp_path / "run.arrow"
    harmed = bytearray(written)
    harmed[len(written) * 3 // 4] ^= 255
    file.write_bytes(harmed)
    command = [sys.executable, "-m", "bnviz.cli", "export", str(file), "--csv", str(tmp_path / "run.csv")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0
    assert result.stderr == f"{file}: {DAMAGED}\n"
    assert 1 < len((tmp_path / "run.csv").read_text().splitlines()) < 1 + 4 * 2 * 2


def test_what_is_no_recording_is_one_sentence(tmp_path):
    file = tmp_path / "x.arrow"
    for content in (b"", b"hello", bytes(1000), b"\xff" * 1000):
        file.write_bytes(content)
        with pytest.raises(ValueError, match="no recording of bnviz"):
            load_safely(file)
    with pytest.raises(FileNotFoundError):
        load_safely(tmp_path / "nothing.arrow")


def test_read_safely_it_is_the_same(recording, tmp_path):
    recording.save(tmp_path / "run.arrow")
    found = load_safely(tmp_path / "run.arrow")
    assert (found.config, found.events, found.damage) == (CONFIG, recording.events, "")
    assert len(found.frames) == len(recording.frames)
    assert all(map(same, found.frames, recording.frames))


def test_any_arrow_reader_opens_it(written, recording):
    table = pa.ipc.open_stream(io.BytesIO(written)).read_all()
    assert table["step"].to_pylist() == [frame.step for frame in recording.frames]
    assert table["train_loss"].to_pylist() == [frame.train_loss for frame in recording.frames]


def test_one_of_version_1_opens_without_what_it_does_not_have(recording):
    """As 0.1.0 wrote it at first: no seals, layers and arms told by the config; and a column nobody knows any more."""
    columns = {"step": [0, 0], "arm": ["batch", "none"], "train_loss": [0.5, 2.0], "mood": ["good", "bad"]}
    batch = pa.RecordBatch.from_pydict(columns)
    schema = batch.schema.with_metadata({"bnviz": "1", "config": json.dumps(CONFIG.to_dict())})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(batch.replace_schema_metadata(schema.metadata))
    found = Recording.read(io.BytesIO(sink.getvalue()))
    assert found.config == CONFIG
    assert [frame.train_loss for frame in found.frames] == [0.5, 2.0]
    for quantity in quantities(2):
        value = getattr(found.frames[0], quantity.name)
        if quantity.name != "train_loss":
            assert np.shape(value) == quantity.shape
            assert not np.any(value) if quantity.counts else np.isnan(value).all()
    assert len(found.to_dataframe()) == 4


def test_settings_not_known_here_leave_the_names(recording, written):
    later = written.replace(b'"activation": "sigmoid"', b'"activation": "sigmoi2"')
    assert later != written
    found = Recording.read(io.BytesIO(_sealed_anew(later)))
    assert found.config is None
    assert found.description.arms == CONFIG.labels
    assert len(found.frames) == len(recording.frames)


def _sealed_anew(stream: bytes) -> bytes:
    """The same messages with seals that fit."""
    from bnviz.recording.framing import END, sealed

    source, out = io.BytesIO(stream), b""
    while (head := source.read(8)) not in (END, b""):
        metadata = source.read(int.from_bytes(head[4:], "little"))
        seal = metadata.index(b"bnviz-seal:")
        length = int(metadata[seal + 11 : seal + 23], 16)
        out += sealed(
            head + metadata[: seal + 24] + b"0" * 8 + metadata[seal + 32 :] + source.read(length - 8 - len(metadata))
        )
    return out + END


def test_somebody_elses_loop_is_recorded_by_names_alone(make_frame):
    about = Description(("conv1", "layer2.0.conv1", "head"), ("mine",))
    frame = replace(make_frame(RunConfig(depth=2), 7, "mine"), layers=about.layers)
    sink = io.BytesIO()
    writer = StreamWriter(sink, about)
    writer.write((frame,))
    found = Recording.read(io.BytesIO(sink.getvalue()))
    assert (found.description, found.config) == (about, None)
    assert same(found.frames[0], frame)
    assert found.to_dataframe()["layer"].tolist() == list(about.layers)
