"""A run as a file: config, frames and events in an Arrow IPC stream, readable up to its last whole step."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from bnviz.config import RunConfig
from bnviz.frames import Description, Event, Frame, group_by_step, layer_names, quantities

if TYPE_CHECKING:
    import pandas as pd

FORMAT_VERSION = "1"


@dataclass(frozen=True, slots=True)
class Note:
    """A word on the run as a whole, such as its status or the progress of a download; not kept in a recording."""

    kind: str
    text: str = ""
    value: float = float("nan")


class StreamWriter:
    """Writes a run into a binary sink, step by step.

    A record batch holds the frames of one step, so a step is there whole or not at all. Events and notes are
    empty batches whose metadata says what happened.
    """

    def __init__(self, sink: IO[bytes], about: RunConfig | Description) -> None:
        config = about.config if isinstance(about, Description) else about
        assert config is not None
        self._layers = len(layer_names(config))
        self._schema = _schema(config)
        self._sink = sink
        self._writer = pa.ipc.new_stream(sink, self._schema)
        # Arrow writes the schema with the first batch; an empty one lets the reader start at once.
        self._writer.write_batch(pa.RecordBatch.from_pylist([], schema=self._schema))
        sink.flush()

    def write(self, item: Sequence[Frame] | Event | Note) -> None:
        """Write the frames of one step (one per arm), an event, or a note, and flush."""
        if isinstance(item, Event):
            self._write_metadata("event", item.to_dict())
        elif isinstance(item, Note):
            self._write_metadata("note", {"kind": item.kind, "text": item.text, "value": item.value})
        else:
            self._writer.write_batch(self._batch(item))
        self._sink.flush()

    def close(self) -> None:
        """Write the end-of-stream mark; the sink stays open."""
        self._writer.close()
        self._sink.flush()

    def _write_metadata(self, key: str, value: dict[str, Any]) -> None:
        empty = pa.RecordBatch.from_pylist([], schema=self._schema)
        self._writer.write_batch(empty, custom_metadata={key: json.dumps(value)})

    def _batch(self, frames: Sequence[Frame]) -> pa.RecordBatch:
        columns = [
            pa.array([frame.step for frame in frames], pa.int64()),
            pa.array([frame.arm for frame in frames], pa.string()),
        ]
        for name, shape, counts, _ in quantities(self._layers):
            values = np.array([getattr(frame, name) for frame in frames], np.int32 if counts else np.float64)
            if values.shape[1:] != shape:
                raise ValueError(f"{name} must have shape {shape}, got {values.shape[1:]}.")
            flat = pa.array(values.reshape(-1))
            columns.append(pa.FixedSizeListArray.from_arrays(flat, prod(shape)) if shape else flat)
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)


def _schema(config: RunConfig) -> pa.Schema:
    layers = layer_names(config)
    columns = [("step", pa.int64()), ("arm", pa.string())]
    for name, shape, counts, _ in quantities(len(layers)):
        kind = pa.int32() if counts else pa.float64()
        columns.append((name, pa.list_(pa.field("item", kind), prod(shape)) if shape else kind))
    metadata = {"bnviz": FORMAT_VERSION, "config": json.dumps(config.to_dict())}
    return pa.schema(columns, metadata=metadata)


class StreamReader:
    """Reads what `StreamWriter` wrote, item by item, up to the last whole one.

    Errors: ValueError when the source is no recording.
    """

    def __init__(self, source: IO[bytes]) -> None:
        try:
            self._reader = pa.ipc.open_stream(source)
            metadata = self._reader.schema.metadata or {}
            if metadata.get(b"bnviz") != FORMAT_VERSION.encode():
                raise ValueError
            self.config = RunConfig.from_dict(json.loads(metadata[b"config"]))
        except (pa.ArrowInvalid, OSError, KeyError, ValueError) as error:
            raise ValueError(
                "This is no recording of bnviz (an Arrow IPC stream that `bnviz run --out` or Save wrote)."
            ) from error
        self._layers = layer_names(self.config)

    def __iter__(self) -> Iterator[tuple[Frame, ...] | Event | Note]:
        while True:
            try:
                batch, metadata = self._reader.read_next_batch_with_custom_metadata()
            except (StopIteration, pa.ArrowInvalid, OSError):  # the end, or cut short by a kill
                return
            if metadata and b"event" in metadata:
                yield Event(**json.loads(metadata[b"event"]))
            elif metadata and b"note" in metadata:
                yield Note(**json.loads(metadata[b"note"]))
            elif batch.num_rows:
                yield self._frames(batch)

    def _frames(self, batch: pa.RecordBatch) -> tuple[Frame, ...]:
        rows = batch.num_rows
        columns: dict[str, Any] = {"step": batch["step"].to_pylist(), "arm": batch["arm"].to_pylist()}
        for name, shape, _, _ in quantities(len(self._layers)):
            column = batch[name]
            if shape:
                columns[name] = column.flatten().to_numpy().reshape(rows, *shape)
            else:
                columns[name] = column.to_pylist()
        return tuple(
            Frame(layers=self._layers, **{name: column[row] for name, column in columns.items()}) for row in range(rows)
        )


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A run that was: its config, its frames in order of step, and its events.

    Frames of one step stand together, one per arm, in the order of the arms.
    """

    config: RunConfig
    frames: tuple[Frame, ...] = ()
    events: tuple[Event, ...] = ()

    @property
    def description(self) -> Description:
        """What was known of it beforehand."""
        return Description.of(self.config)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Recording:
        """Read a recording; one that was cut short opens up to its last whole step.

        Errors: FileNotFoundError; ValueError when the file is no recording.
        """
        with open(path, "rb") as file:
            return cls.read(file)

    @classmethod
    def read(cls, source: IO[bytes]) -> Recording:
        """Read a recording from an open binary file."""
        reader = StreamReader(source)
        frames: list[Frame] = []
        events: list[Event] = []
        for item in reader:
            if isinstance(item, Event):
                events.append(item)
            elif isinstance(item, tuple):
                frames.extend(item)
        return cls(reader.config, tuple(frames), tuple(events))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the recording to a file, whole or not at all."""
        target = Path(path)
        partial = target.with_name(target.name + ".partial")
        with open(partial, "wb") as file:
            self.write(file)
        partial.replace(target)

    def write(self, sink: IO[bytes]) -> None:
        """Write the recording into an open binary file."""
        writer = StreamWriter(sink, self.config)
        for item in self.items():
            writer.write(item)
        writer.close()

    def items(self) -> Iterator[tuple[Frame, ...] | Event]:
        """Frames step by step and events, in order of step; an event comes before the frames of its step."""
        events = sorted(self.events, key=lambda event: event.step)
        for frames in self.steps():
            while events and events[0].step <= frames[0].step:
                yield events.pop(0)
            yield frames
        yield from events

    def steps(self) -> Iterator[tuple[Frame, ...]]:
        """The frames of each measured step, one per arm."""
        yield from group_by_step(self.frames)

    def to_dataframe(self) -> pd.DataFrame:
        """Tidy table: a row per (step, arm, layer), a column per quantity that has one value a layer or an arm."""
        import pandas as pd  # noqa: PLC0415  half a second that only this call needs

        rows = [row for frame in self.frames for row in _rows(frame)]
        return pd.DataFrame(rows, columns=_columns())


_PARTS = {1: [""], 2: ["_min", "_max"], 3: ["_p15", "_p50", "_p85"]}


def _columns() -> list[str]:
    parts = [
        (each.name, _PARTS[prod(each.shape)]) for each in quantities(1) if not each.counts
    ]  # with L = 1 the size of a field is the number of its columns
    return ["step", "arm", "layer", *(name + suffix for name, suffixes in parts for suffix in suffixes)]


def _rows(frame: Frame) -> Iterator[list[Any]]:
    count = len(frame.layers)
    columns = []
    for each in quantities(count):
        if not each.counts:
            array = np.asarray(getattr(frame, each.name))
            columns.append(array.reshape(count, -1) if each.per_layer else np.tile(array, (count, 1)))
    values = np.concatenate(columns, axis=1)  # (L, columns)
    for layer, row in zip(frame.layers, values.tolist(), strict=True):
        yield [frame.step, frame.arm, layer, *row]
