"""A run that is trained in a worker, as something to watch and to steer."""

from __future__ import annotations

import secrets
import threading
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
from bnviz.serve.attention import Attention
from bnviz.serve.keeping import Keeper
from bnviz.serve.looks import Look, Looks
from bnviz.serve.rate import Rate
from bnviz.serve.shelf import Shelf
from bnviz.serve.standing import Standing
from bnviz.serve.visitors import same_key
from bnviz.serve.worker import Command, Worker
from bnviz.source import News, Status, Watched

RESTS = "It rests, as nobody was watching; it goes on once its owner is back."


class Run(Watched):
    """One run: its config, what was measured so far, and the means to steer it.

    `id` is the key to watching it, `control` the key to steering it; both are unguessable, and pass on to the run
    that takes its place after a restart. Attributes are read from any thread; watchers are called from the run's own.
    """

    def __init__(
        self, config: RunConfig, owner: str, before: Run | None = None, for_viewers: bool = False,
        shelf: Shelf | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
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
        self.started = self.since = awake.now()
        """When it was asked for, and when it last got a worker."""
        self.rest_at: int | None = None
        """The step at which it rests until it is told to play."""
        self.worker: Worker | None = None
        self.busy = ""
        """How many share the cores, while there are more runs than cores."""
        self._share = 1.0
        self.keeper = Keeper(shelf, self.owner, self.history)
        self._attention = Attention.AWAKE if for_viewers else Attention.NONE
        self._rate = Rate()
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
        return self._rate.now if self.status is Status.RUNNING else 0.0

    @property
    def recording(self) -> Recording:
        """What the history holds, as a recording."""
        steps, events = self.history.snapshot()
        return Recording(self.description, tuple(f for frames in steps for f in frames), tuple(events))

    def controlled_by(self, key: object) -> bool:
        """Whether this is the key to steering the run."""
        return same_key(key, self.control)

    def begin(self, worker: Worker) -> None:
        """Train, or go on, in this worker."""
        self.worker, self.since, self._share, self.busy = worker, awake.now(), 1.0, ""
        self.looks = Looks()  # a new worker has not been asked for anything
        self._stand(Status.STARTING, "")

    def wait(self, text: str) -> None:
        """Wait for room, or for its owner; text: for what, in words."""
        if self.status in (Status.STARTING, Status.WAITING) and (self.status, self.text) != (Status.WAITING, text):
            self._stand(Status.WAITING, text)

    def give_way(self) -> None:
        """Its worker is about to end, as nobody watches; once its owner is back it goes on, or rests, as it did."""
        if self.status.live:
            if self.status is Status.PAUSED and self._attention is not Attention.NAPPING:
                self.rest_at = self.step
            self._stand(Status.WAITING, RESTS)

    def share(self, share: float, busy: str) -> None:
        """Train for this share of the time alone; busy: why, in words."""
        worker, self.busy = self.worker, busy
        if worker is not None and share != self._share:
            self._share = share
            worker.send("pace", share=share)

    def command(self, name: Command, /, **values: Any) -> None:
        """Send a command to the run's worker, such as play, pause or step."""
        if name == "play" and not values:
            self.rest_at = None  # also for a worker that it has yet to get
        worker = self.worker
        if worker is not None:
            self.text = self.keeper.problem
            self._rate.restart()
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
        self._rate.count(frames[0].step)

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
        if self.status.live or self.status is Status.WAITING:
            self._stand(status, text)

    def _stand(self, status: Status, text: str) -> None:
        self.status, self.text = status, text
        self._audience.tell()
