"""A run as a file: what it was, its frames and events in an Arrow IPC stream, readable up to its last whole step."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from bnviz.config import RunConfig
from bnviz.frames import Description, Event, Frame, group_by_step, quantities
from bnviz.recording.arrow import NO_RECORDING, Note, StreamReader, StreamWriter

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

__all__ = ["Note", "Recording", "StreamReader", "StreamWriter", "copy_safely", "load_safely"]

LONGEST_SECONDS = 60
"""A file that takes longer to read is given up."""
AT_ONCE = 2
"""Processes that read files; whoever else asks waits."""
_turns = threading.BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A run that was: what it was, its frames in order of step, and its events.

    Frames of one step stand together, one per arm, in the order of the arms.
    """

    about: RunConfig | Description
    """The config of a run of ours; of somebody else's loop the names of layers and arms."""
    frames: tuple[Frame, ...] = ()
    events: tuple[Event, ...] = ()
    damage: str = ""
    """What is wrong with the file it was read from, as a sentence; empty: nothing."""

    @property
    def description(self) -> Description:
        """What was known of it beforehand."""
        return self.about if isinstance(self.about, Description) else Description.of(self.about)

    @property
    def config(self) -> RunConfig | None:
        """What it was started with; None for somebody else's loop."""
        return self.description.config

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
            if isinstance(item, Event) and item.kind == "rewind":  # what was told from there on is told anew
                frames = [frame for frame in frames if frame.step < item.step]
                events = []
            elif isinstance(item, Event):
                events.append(item)
            elif isinstance(item, tuple):
                frames.extend(item)
        return cls(reader.description, tuple(frames), tuple(events), reader.damage)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the recording to a file, whole or not at all."""
        target = Path(path)
        partial = target.with_name(target.name + ".partial")
        with open(partial, "wb") as file:
            self.write(file)
        partial.replace(target)

    def write(self, sink: IO[bytes]) -> None:
        """Write the recording into an open binary file."""
        writer = StreamWriter(sink, self.about)
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

    def figure(self, tab: str = "layers", *, step: int | None = None) -> go.Figure:
        """A tab of the page (`bnviz.charts.TABS`) as a Plotly figure, at the measured step nearest to `step`.

        step: None is the last one. Errors: ValueError for a tab that there is not, and without any frame.
        """
        from bnviz.charts import notebook  # noqa: PLC0415  upward, and only when asked for

        return notebook.figure(self, tab, step)

    def _repr_html_(self, file: Path | None = None) -> str:
        """What a notebook shows; file: where it is kept, if it is."""
        from bnviz.charts import notebook  # noqa: PLC0415  above this floor: only what shows itself needs it

        return notebook.html(self, file)


def load_safely(path: str | os.PathLike[str], thinned: bool = False) -> Recording:
    """Read a recording that may come from anywhere: in a process of its own, which no file can take along.

    thinned: no more of it than a `History` holds, so that memory stays flat however long it is. Errors: OSError;
    ValueError, in one sentence, when the file is no recording.
    """
    said, written = _read_apart(path, subprocess.PIPE, ["--thinned"] if thinned else [])
    return replace(Recording.read(io.BytesIO(written)), damage=said)


def copy_safely(path: str | os.PathLike[str], target: str | os.PathLike[str]) -> str:
    """Write all that can be read of such a file as a clean recording; return what is wrong with it, or nothing.

    Errors: OSError; ValueError, in one sentence, when the file is no recording.
    """
    with open(target, "wb") as sink:
        said, _ = _read_apart(path, sink, [])
    return said


def _read_apart(path: str | os.PathLike[str], sink: IO[bytes] | int, options: list[str]) -> tuple[str, bytes]:
    """What `python -m bnviz.recording` says of a file, and what it wrote if the sink is a pipe."""
    open(path, "rb").close()  # what cannot be opened is said as everywhere
    command = [sys.executable, "-m", "bnviz.recording", os.fspath(path), *options]
    try:
        with _turns:
            child = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.PIPE, timeout=LONGEST_SECONDS,
                check=False, env={**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"},
            )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ValueError(f"{NO_RECORDING} Reading it took longer than {LONGEST_SECONDS} seconds.") from None
    if child.returncode:
        raise ValueError(NO_RECORDING)
    return child.stderr.decode().strip(), child.stdout or b""


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
