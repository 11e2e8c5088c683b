"""Runs without a worker: one that is heard through a pipe, whose trainer obeys here, and one that rests."""

from __future__ import annotations

import io
import os
import threading
from dataclasses import replace
from typing import Any

from bnviz.config import RunConfig
from bnviz.frames import Description
from bnviz.recording import Note, StreamReader, StreamWriter
from bnviz.serve.commands import Commands
from bnviz.serve.run import Run
from bnviz.serve.session import Session
from bnviz.source import Status
from bnviz.training import Trainer, train
from bnviz.training.slow import SlowMotion
from tests.support.server import wait_for

CONFIG = RunConfig(dataset="moons", depth=2, width=8, steps=100_000, batch_size=16)
SILENT = Commands(open(os.pipe()[0], "rb"))  # noqa: SIM115
"""Commands of somebody who gives none."""


class Piped:
    """A run whose trainer obeys here, and is heard through a pipe, as one in a process of its own."""

    def __init__(self) -> None:
        self.run, (source, sink) = Run(CONFIG, "me"), os.pipe()
        self._source, self._sink = open(source, "rb"), open(sink, "wb")  # noqa: SIM115
        self.writer = StreamWriter(self._sink, Description.of(CONFIG))
        trainer = Trainer(CONFIG)
        self.session = Session(trainer, SlowMotion(trainer), self.writer, SILENT)
        self.session.paused = True
        self._heard = 0
        self._thread = threading.Thread(target=self._hear, daemon=True)
        self._thread.start()

    def _hear(self) -> None:
        for item in StreamReader(self._source):
            self.run.take(item)
            self._heard += isinstance(item, Note) and item.kind == "beat"

    def obey(self, name: str, values: dict[str, Any]) -> None:
        """Do it, go all the way back where it has to, make a step, and wait until all of it is heard."""
        self.session._obey(name, **values)
        while self.session.journey is not None:
            self.session._travel(self.session.journey)
        self.session._write(self.session.trainer.items(measure=True))
        wanted = self._heard + 1
        self.writer.write(Note("beat"))
        wait_for(lambda: self._heard == wanted or not self._thread.is_alive())
        assert self._heard == wanted, "the run is not heard any more"
        assert not self.run.status.live or set(self.run.labels) == set(self.session.trainer.arms)

    def close(self) -> None:
        self._sink.close()
        self._thread.join()
        self._source.close()


def begun(owner: str) -> Run:
    """A run without a worker, with some steps measured."""
    run = Run(CONFIG, owner)
    run.status = Status.RUNNING
    frames = list(train(replace(CONFIG, steps=40)))
    for pair in zip(frames[::2], frames[1::2], strict=True):
        run.take(pair)
    return run


def state(run: Run) -> object:
    """All of a run that a neighbour could change."""
    steps, events = run.history.snapshot()
    return run.status, run.text, run.config, run.labels, len(steps), len(events), run.looks.asked


def written(items: list[Any]) -> bytes:
    sink = io.BytesIO()
    writer = StreamWriter(sink, CONFIG)
    for item in items:
        writer.write(item)
    writer.close()
    return sink.getvalue()
