"""What a viewer watches: a run that is trained now, a recording that was kept, whatever yields frames."""

from __future__ import annotations

import enum
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from bnviz import awake
from bnviz.frames import Description
from bnviz.history import History
from bnviz.recording import Recording

News = Callable[[], None]
"""Called when there is something new, from any thread."""


class Status(enum.Enum):
    """Whether frames may still come."""

    STARTING = "starting"  # nothing is trained yet
    WAITING = "waiting"  # for room, or for its owner; it comes to where it was by itself
    RUNNING = "running"
    PAUSED = "paused"  # by its owner, or because nobody looks
    FINISHED = "finished"  # all steps are done; it can go on
    FAILED = "failed"  # it ended early; the frames so far are kept
    STOPPED = "stopped"  # ended by its owner or the server
    KEPT = "kept"  # a recording
    GROWING = "growing"  # a recording that is still being written

    @property
    def live(self) -> bool:
        """Whether something is there that trains, or could."""
        return self in (Status.STARTING, Status.RUNNING, Status.PAUSED, Status.FINISHED)


class Source(Protocol):
    """A description, a history of frames and events, a status, and whoever watches."""

    id: str
    """The key to watching it; unguessable."""
    history: History
    status: Status
    text: str
    """What there is to say about its status; empty: nothing."""
    successor: Source | None
    """What has taken its place, after a restart."""

    @property
    def description(self) -> Description:
        """What is known of it beforehand."""

    @property
    def rate(self) -> float:
        """Steps a second now; 0 when nothing is trained."""

    @property
    def file(self) -> Path | None:
        """Where all of it is kept, if it is."""

    @property
    def unkept(self) -> str:
        """Why it is not being kept on disk, as a sentence; empty: nothing is wrong."""

    @property
    def recording(self) -> Recording:
        """What the history holds, as a recording."""

    @property
    def watchers(self) -> int:
        """How many watch."""

    def watch(self, news: News) -> None:
        """Count a watcher, and call `news` whenever something is new."""

    def leave(self, news: News) -> None:
        """The watcher is gone."""

    def controlled_by(self, key: object) -> bool:
        """Whether this is the key to steering it; nobody steers what has none."""


class Audience:
    """Those who watch; thread-safe."""

    def __init__(self) -> None:
        self.count = 0
        self.alone_since = awake.now()
        """When the last of them left."""
        self._news: list[News] = []
        self._lock = threading.Lock()

    @property
    def alone_for(self) -> float:
        """Seconds since somebody watched; 0 while somebody does."""
        return 0.0 if self.count else awake.now() - self.alone_since

    def join(self, news: News) -> None:
        """One more."""
        with self._lock:
            self.count += 1
            self._news.append(news)

    def leave(self, news: News) -> None:
        """One less."""
        with self._lock:
            self.count -= 1
            self._news.remove(news)
            self.alone_since = awake.now()

    def tell(self) -> None:
        """Call them all."""
        with self._lock:
            waiting = tuple(self._news)
        for news in waiting:
            news()


class Watched:
    """Something with an audience."""

    def __init__(self) -> None:
        self._audience = Audience()
        self.successor: Source | None = None

    @property
    def watchers(self) -> int:
        """How many watch."""
        return self._audience.count

    @property
    def alone_for(self) -> float:
        """Seconds since somebody watched."""
        return self._audience.alone_for

    def leave(self, news: News) -> None:
        """The watcher is gone."""
        self._audience.leave(news)

    def replaced_by(self, successor: Source) -> None:
        """Another has taken this one's place: whoever watches is told."""
        self.successor = successor
        self._audience.tell()


class Kept(Watched):
    """A recording as something to watch: it costs no worker, and each viewer wanders through it alone.

    text: what there is to say about it, such as that its end is damaged.
    """

    def __init__(self, recording: Recording, file: Path | None = None, text: str = "") -> None:
        super().__init__()
        self.id: str = secrets.token_urlsafe(12)
        self.history = History()
        self.status = Status.KEPT
        self.text = text
        self._recording = recording
        self.file = file
        self.unkept = ""
        self.parts: tuple[str, ...] = ()
        """Of an overlay: the names and ids of what is laid over each other."""
        self.description = recording.description
        self.rate = 0.0
        for frames in recording.steps():
            self.history.add(frames)
        for event in recording.events:
            self.history.add_event(event)

    @property
    def recording(self) -> Recording:
        """The recording."""
        return self._recording

    def watch(self, news: News) -> None:
        """Count a watcher; of a recording that is whole there will be no news."""
        self._audience.join(news)

    def controlled_by(self, key: object) -> bool:
        """Nobody steers a recording."""
        return False

    def close(self) -> None:
        """It is no longer needed."""
