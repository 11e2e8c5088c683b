"""A run as an Arrow IPC stream, written and read item by item."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import IO, Any, Literal, get_args

import numpy as np
import pyarrow as pa

from bnviz.config import RunConfig
from bnviz.frames import Description, Event, Frame, quantities
from bnviz.recording.columns import numbers, texts
from bnviz.recording.events import Told
from bnviz.recording.framing import END, SEAL, Damaged, Readable, Unharmed, read_sealed, sealed

VERSION = "2"
"""Of the schema. 1 had no seals, and told layers and arms by the config alone; it can still be read."""
NO_RECORDING = "This is no recording of bnviz (an Arrow IPC stream that `bnviz run --out` or Save wrote)."
DAMAGED = "Its bytes were changed: what comes before the damage is shown, the rest cannot be read."
SENSELESS = "It tells of what cannot have been: what comes before that is shown, the rest cannot be read."
CUT = "It was cut short: what comes before the cut is shown."

NoteKind = Literal[
    "starting", "progress", "running", "paused", "finished", "failed", "stopped", "problem", "closeup", "plane", "beat"
]


@dataclass(frozen=True, slots=True)
class Note:
    """A word on the run as a whole, such as its status or the progress of a download; not kept in a recording."""

    kind: NoteKind
    text: str = ""
    value: float = float("nan")


class StreamWriter:
    """Writes a run into a binary sink, step by step.

    A record batch holds the frames of one step, so a step is there whole or not at all. Events and notes are
    empty batches whose metadata says what happened. Every message is sealed (see `framing`).
    more: the sink holds the beginning of such a stream already.
    """

    def __init__(self, sink: IO[bytes], about: Description | RunConfig, more: bool = False) -> None:
        description = about if isinstance(about, Description) else Description.of(about)
        self._layers = len(description.layers)
        self._schema = _schema(description)
        self._sink = sink
        self._buffer = io.BytesIO()
        self._begun, self._more = False, more
        self._writer = pa.ipc.new_stream(self._buffer, self._schema)
        self._empty = pa.RecordBatch.from_arrays([pa.nulls(0, each.type) for each in self._schema], schema=self._schema)
        # Arrow writes the schema with the first batch; an empty one lets the reader start at once.
        self._batch_out(self._empty)

    def write(self, item: Sequence[Frame] | Event | Note) -> None:
        """Write the frames of one step (one per arm), an event, or a note, and flush."""
        if isinstance(item, Event):
            self._write_metadata("event", item.to_dict())
        elif isinstance(item, Note):
            self._write_metadata("note", {"kind": item.kind, "text": item.text, "value": item.value})
        else:
            self._batch_out(self._batch(item))

    def close(self) -> None:
        """Write the end-of-stream mark; the sink stays open."""
        self._sink.write(END)
        self._sink.flush()

    def _write_metadata(self, key: str, value: dict[str, Any]) -> None:
        self._batch_out(self._empty, {key: json.dumps(value)})

    def _batch_out(self, batch: pa.RecordBatch, metadata: dict[str, str] | None = None) -> None:
        self._writer.write_batch(batch, custom_metadata={**(metadata or {}), "seal": SEAL})
        message = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        if not self._begun:
            self._begun = True
            schema = self._schema.serialize().to_pybytes()
            assert message.startswith(schema)
            if not self._more:
                self._sink.write(sealed(schema))
            message = message[len(schema) :]
        self._sink.write(sealed(message))
        self._sink.flush()

    def _batch(self, frames: Sequence[Frame]) -> pa.RecordBatch:
        columns = [
            numbers(np.array([frame.step for frame in frames], np.int64)),
            texts([frame.arm for frame in frames]),
        ]
        for name, shape, counts, _ in quantities(self._layers):
            values = np.array([getattr(frame, name) for frame in frames], np.int32 if counts else np.float64)
            if values.shape[1:] != shape:
                raise ValueError(f"{name} must have shape {shape}, got {values.shape[1:]}.")
            flat = numbers(values.reshape(-1))
            columns.append(pa.FixedSizeListArray.from_arrays(flat, prod(shape)) if shape else flat)
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)


def _type(shape: tuple[int, ...], counts: bool) -> pa.DataType:
    kind = pa.int32() if counts else pa.float64()
    return pa.list_(pa.field("item", kind), prod(shape)) if shape else kind


def _schema(description: Description) -> pa.Schema:
    columns = [("step", pa.int64()), ("arm", pa.string())]
    columns += [(name, _type(shape, counts)) for name, shape, counts, _ in quantities(len(description.layers))]
    about = {"bnviz": VERSION, "layers": json.dumps(description.layers), "arms": json.dumps(description.arms)}
    if description.config is not None:
        about["config"] = json.dumps(description.config.to_dict())
    return pa.schema(columns, metadata=about | {"seal": SEAL})


class StreamReader:
    """Reads what `StreamWriter` wrote, item by item, up to the last whole one, or up to the first damage.

    Quantities that the stream lacks are NaN (counts: 0); those that are not known here are passed over.
    Errors: ValueError when the source is no recording.
    """

    def __init__(self, source: IO[bytes]) -> None:
        self._checked: Unharmed | None = None
        try:
            self._reader = pa.ipc.open_stream(self._unharmed(source))
            self.description = _description(self._reader.schema)
        except (pa.ArrowException, OSError, KeyError, TypeError, ValueError, MemoryError) as error:
            raise ValueError(NO_RECORDING) from error
        self._fields = {each.name: each.type for each in self._reader.schema}
        self._told = Told(self.description.config)
        self._senseless = False

    @property
    def damage(self) -> str:
        """What is wrong with what was read, as a sentence; empty: nothing."""
        if self._senseless:
            return SENSELESS
        return DAMAGED if self._checked is not None and self._checked.damaged else ""

    def _unharmed(self, source: IO[bytes]) -> Any:
        """The source without what is damaged; one of version 1 as it is, for it has no seals."""
        start = _Pushed(source)
        try:
            first = read_sealed(start)
            if first is None:
                raise ValueError
        except Damaged:
            start.rewind()
            old = pa.ipc.read_schema(pa.py_buffer(start.peeked)).metadata or {}
            if old.get(b"bnviz") != b"1":
                raise
            return start
        start.rewind()
        self._checked = Unharmed(start)
        return io.BufferedReader(self._checked)

    def __iter__(self) -> Iterator[tuple[Frame, ...] | Event | Note]:
        while True:
            try:
                batch, metadata = self._reader.read_next_batch_with_custom_metadata()
                batch.validate(full=True)
            except (StopIteration, pa.ArrowException, OSError, MemoryError):  # the end, or cut short by a kill
                return
            try:
                item = self._item(batch, metadata or {})
            except (pa.ArrowException, KeyError, TypeError, ValueError, OverflowError, RecursionError):
                self._senseless = True
                return
            if item:
                yield item

    def _item(self, batch: pa.RecordBatch, metadata: Mapping[bytes, bytes]) -> tuple[Frame, ...] | Event | Note:
        """What a message tells; errors where its bytes are those that were written, and yet make no sense."""
        if b"event" in metadata:
            return self._told.read(json.loads(metadata[b"event"]))
        if b"note" in metadata:
            return _note(json.loads(metadata[b"note"]))
        return self._frames(batch) if batch.num_rows else ()

    def _frames(self, batch: pa.RecordBatch) -> tuple[Frame, ...]:
        rows, layers = batch.num_rows, self.description.layers
        columns: dict[str, Any] = {"step": batch["step"].to_pylist(), "arm": batch["arm"].to_pylist()}
        if {*map(type, columns["step"]), *map(type, columns["arm"])} != {int, str}:
            raise ValueError
        for name, shape, counts, _ in quantities(len(layers)):
            if self._fields.get(name) != _type(shape, counts):
                missing = np.zeros(shape, np.int32) if counts else np.full(shape, np.nan)
                columns[name] = [missing if shape else missing.item()] * rows
            elif shape:
                columns[name] = batch[name].flatten().to_numpy().reshape(rows, *shape)
            else:
                columns[name] = batch[name].to_pylist()
        return tuple(
            Frame(layers=layers, **{name: column[row] for name, column in columns.items()}) for row in range(rows)
        )


def _note(told: Mapping[str, Any]) -> Note:
    """A note of which `StreamWriter` made this. Errors: ValueError or TypeError where it can be none."""
    note = Note(**told)
    if not (isinstance(note.text, str) and isinstance(note.value, (int, float)) and note.kind in get_args(NoteKind)):
        raise ValueError
    return note


def _description(schema: pa.Schema) -> Description:
    """What the stream says of itself. Settings that are not known here leave the names of layers and arms."""
    metadata = schema.metadata or {}
    if metadata.get(b"bnviz") == b"1":
        return Description.of(RunConfig.from_dict(json.loads(metadata[b"config"])))
    layers, arms = (tuple(map(str, json.loads(metadata[name]))) for name in (b"layers", b"arms"))
    try:
        config = RunConfig.from_dict(json.loads(metadata[b"config"]))
    except (KeyError, ValueError):
        config = None
    return Description(layers, arms, config)


class _Pushed(io.RawIOBase):
    """A source whose beginning can be read once more."""

    def __init__(self, source: Readable) -> None:
        super().__init__()
        self._source = source
        self.peeked = b""
        self._again: io.BytesIO | None = None

    def rewind(self) -> None:
        """Start over with what was read, and go on with the rest."""
        self._again = io.BytesIO(self.peeked)

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """So many bytes, or fewer at the end."""
        if self._again is None:
            data = self._source.read(size)
            self.peeked += data
            return data
        data = self._again.read(size)
        return data + self._source.read(size - len(data)) if len(data) < size else data
