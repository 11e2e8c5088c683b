"""A run that is trained in a worker, as something to watch and to steer."""

from __future__ import annotations

import enum
import secrets
import threading
import time
from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from bnviz import awake
from bnviz.closeup import Closeup, Plane, closeup_from, plane_from
from bnviz.config import RunConfig
from bnviz.config.change import Change
from bnviz.frames import Description, Event, Frame
from bnviz.history import History
from bnviz.recording import Note, Recording
from bnviz.serve.keeping import Keeper
from bnviz.serve.looks import Look, Looks
from bnviz.serve.shelf import Shelf
from bnviz.serve.standing import Standing
from bnviz.serve.visitors import same_key
from bnviz.serve.worker import Command, Worker
from bnviz.source import Audience, News, Source, Status


class Attention(enum.Enum):
    """What a run does when nobody watches."""

    NONE = "none"  # goes on: nobody has ever watched it, it is some program's
    AWAKE = "awake"  # is watched, or was just now
    NAPPING = "napping"  # rests until somebody watches again


class Run:
    """One run: its config, what was measured so far, and the means to steer it.

    `id` is the key to watching it, `control` the key to steering it; both are unguessable, and pass on to the run
    that takes its place after a restart. Attributes are read from any thread; watchers are called from the run's own.
    """

    def __init__(
        self, config: RunConfig, owner: str, before: Run | None = None, for_viewers: bool = False,
        shelf: Shelf | None = None,
    ) -> None:  # fmt: skip
        self.id: str = before.id if before else secrets.token_urlsafe(12)
        self.control: str = before.control if before else secrets.token_urlsafe(18)
        self.owner: str = before.owner if before else owner
        self.standing = Standing(config)
        self.description = Description.of(config)
        self.history = History()
        self.status = Status.STARTING
        self.text = ""
        self.closeup: Closeup | None = None
        """The last update close by, as its owner asked for it."""
        self.plane: Plane | None = None
        """What the networks make of the plane, while somebody looks."""
        self.looks = Looks()
        self.successor: Source | None = None
        self.started = awake.now()
        self.rest_at: int | None = None
        """The step at which it rests until it is told to play."""
        self.worker: Worker | None = None
        self.keeper = Keeper(shelf, self.owner, self.history)
        self._audience = Audience()
        self._attention = Attention.AWAKE if for_viewers else Attention.NONE
        self._arrivals: deque[tuple[float, int]] = deque(maxlen=30)
        self._lock = threading.Lock()

    @property
    def config(self) -> RunConfig:
        """The config as changed so far."""
        return self.standing.config

    @property
    def labels(self) -> tuple[str, ...]:
        """Of the arms that are there, in the order of `config.arms`."""
        return self.standing.labels

    @property
    def started_with(self) -> RunConfig:
        """The config at its start."""
        config = self.description.config
        assert config is not None
        return config

    @property
    def file(self) -> Path | None:
        """Where all of the run is kept, if it is."""
        return self.keeper.file

    @property
    def unkept(self) -> str:
        """Why it is not being kept."""
        return self.keeper.problem

    @property
    def step(self) -> int:
        """The newest step measured."""
        latest = self.history.latest
        return latest[0].step if latest else 0

    @property
    def rate(self) -> float:
        """Steps a second over the last frames; 0 when not running."""
        with self._lock:
            arrivals = tuple(self._arrivals)
        if self.status is not Status.RUNNING or len(arrivals) < 2:
            return 0.0
        (t0, s0), (t1, s1) = arrivals[0], arrivals[-1]
        return (s1 - s0) / (t1 - t0) if t1 > t0 else 0.0

    @property
    def recording(self) -> Recording:
        """What the history holds, as a recording."""
        steps, events = self.history.snapshot()
        return Recording(self.description, tuple(f for frames in steps for f in frames), tuple(events))

    @property
    def watchers(self) -> int:
        """How many watch."""
        return self._audience.count

    @property
    def alone_for(self) -> float:
        """Seconds since somebody watched."""
        return self._audience.alone_for

    def controlled_by(self, key: object) -> bool:
        """Whether this is the key to steering the run."""
        return same_key(key, self.control)

    def command(self, name: Command, /, **values: Any) -> None:
        """Send a command to the run's worker, such as play, pause or step."""
        worker = self.worker
        if worker is not None:
            self.text = self.keeper.problem
            with self._lock:
                self._arrivals.clear()
            worker.send(name, **values)

    def look(self, who: Hashable, look: Look) -> None:
        """Have measured beside the frames what these viewers, or others, look at, and nothing else."""
        worker = self.worker if self.status in (Status.RUNNING, Status.PAUSED, Status.FINISHED) else None
        self.looks.take(who, look, None if worker is None else partial(worker.send, "look"))

    def become(self, config: RunConfig, changes: Iterable[Change], labels: Sequence[str] | None = None) -> None:
        """Take over, without a reset, what `difference` has found to lead to this config; a finished run goes on.

        labels: of the config's arms, where the run may have others by now.
        """
        labels = self.labels if labels is None else labels
        for change in changes:
            label = None if change.arm is None else labels[change.arm]
            self.command("change", arm=label, fields={name: str(value) for name, value in change.fields.items()})
        self.standing.become(config, labels)
        if self.status is Status.FINISHED:
            self.command("play")

    def drop(self, label: str) -> None:
        """Train an arm no further; a run's last one stays."""
        if label in self.labels and len(self.labels) > 1:
            self.command("drop", arm=label)
            self.standing.forget(label)

    def watch(self, news: News) -> None:
        """Count a watcher, and call `news` whenever something is new."""
        self._audience.join(news)
        self._wake()

    def leave(self, news: News) -> None:
        """The watcher is gone."""
        self._audience.leave(news)

    def glimpse(self) -> None:
        """Somebody looked once, for want of a socket: the run goes on for a while, awake."""
        self._audience.alone_since = awake.now()
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            before, self._attention = self._attention, Attention.AWAKE
        if before is Attention.NAPPING:
            self.command("play", unwatched=True)

    def nap(self) -> None:
        """Rest until somebody watches again; a run that was never watched goes on."""
        with self._lock:
            tired = self._attention is Attention.AWAKE and not self.watchers and self.status is Status.RUNNING
            if tired:
                self._attention = Attention.NAPPING
        if tired:
            self.command("pause", unwatched=True)

    def take(self, item: Description | tuple[Frame, ...] | Event | Note) -> None:
        """Take in what the worker says."""
        if isinstance(item, Description):
            self.description = item
            self.keeper.begin(item)
        elif isinstance(item, Note):
            self._take_note(item)
        else:
            self.keeper.write(item)
            self.text = self.keeper.problem or self.text
            if isinstance(item, Event):
                self.history.add_event(item)
                self.standing.follow(item, self.history.snapshot()[1])
            else:
                self._take_frames(item)
        self._audience.tell()

    def _take_frames(self, frames: tuple[Frame, ...]) -> None:
        if self.history.latest is None:
            self.nap()  # a page that is still loading needs the processor, and its visitor the first steps
        self.history.add(frames)
        with self._lock:
            if self._arrivals and self._arrivals[-1][1] >= frames[0].step:  # it went back
                self._arrivals.clear()
            self._arrivals.append((time.monotonic(), frames[0].step))

    def _take_note(self, note: Note) -> None:
        if note.kind in ("progress", "problem"):
            self.text = note.text
        elif note.kind in ("running", "paused", "finished") and self.status.live:  # not after its end
            self.status, self.text = Status(note.kind), self.keeper.problem
        elif note.kind == "closeup":
            with suppress(ValueError):  # one that makes no sense shows nothing new
                self.closeup = closeup_from(note.text) if note.text else None
        elif note.kind == "plane":
            with suppress(ValueError):
                self.plane = plane_from(note.text)
        elif note.kind == "failed":
            self.end(Status.FAILED, note.text)

    def end(self, status: Status, text: str) -> None:
        """Note how the run ended, unless it is known already."""
        if self.status.live:
            self.status, self.text = status, text
            self._audience.tell()

    def replaced_by(self, successor: Run) -> None:
        """Another run has taken this one's place: whoever watches is told."""
        self.successor = successor
        self._audience.tell()
