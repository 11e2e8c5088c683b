"""From a source to its viewers: messages are made once per view, whoever watches; a slow viewer skips, never lags."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bnviz import charts
from bnviz.charts.scene import View
from bnviz.serve.messages import extras_of, header_of, scene_message, scene_of
from bnviz.source import Source, Status

FASTEST = 0.04
"""Seconds from one message to the next, at least."""
SERIES_EVERY = 0.33
"""Seconds between updates of the charts over steps, of the sentence and of the timeline."""
log = logging.getLogger(__name__)


@dataclass(eq=False)
class Viewer:
    """One open socket: what it wants to see, and what it has been sent."""

    wake: Callable[[], None]
    view: View = field(default_factory=View)
    seek: int | None = None
    """The step looked at; None: the newest."""
    drawn: object = None
    """Structure of the figures that the viewer has; differs from a message's: it needs the whole scene."""
    series: int = -1
    news: Message | str | None = None

    def take(self) -> str | None:
        """The newest message not yet sent, as text, or None; to be sent at once."""
        message, self.news = self.news, None
        if not isinstance(message, Message):
            return message
        if message.structure != self.drawn:
            if message.scene is None:
                return None  # the next message brings it
            self.drawn, self.series = message.structure, message.series.number
            return message.scene
        if message.series.number != self.series:
            self.series = message.series.number
            return message.with_series
        return message.without_series


@dataclass(frozen=True, eq=False)
class Series:
    """What changes a few times a second: the charts over steps, the sentence, the timeline."""

    number: int
    figures: dict[str, Any]
    extras: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Message:
    """What viewers of one view are to see now; each text is made when the first of them needs it."""

    structure: object
    header: dict[str, Any]
    live: dict[str, Any] | None
    """Figures that change with every message; None: nothing is measured yet, so there is nothing to draw."""
    series: Series
    scene: str | None

    @cached_property
    def without_series(self) -> str:
        """A patch for who has these series."""
        return self._patch(self.live, {})

    @cached_property
    def with_series(self) -> str:
        """A patch for who has older ones."""
        return self._patch(None if self.live is None else {**self.live, **self.series.figures}, self.series.extras)

    def _patch(self, figures: dict[str, Any] | None, extras: dict[str, Any]) -> str:
        if figures is None:
            return json.dumps({"type": "status", **self.header})
        return json.dumps({"type": "patch", **self.header, "figures": figures, **extras})


class Stream:
    """Makes the messages of one source, in a thread that lives while somebody watches."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._viewers: set[Viewer] = set()
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._thread: threading.Thread | None = None
        self._series_at = 0.0
        self._series_number = 0
        self._series: dict[Any, Series] = {}

    def join(self, viewer: Viewer) -> None:
        """Let a viewer watch."""
        with self._lock:
            if not self._viewers:
                self.source.watch(self._news.set)
                self._thread = threading.Thread(target=self._loop, daemon=True)
                self._thread.start()
            else:
                self.source.watch(_nothing)
            self._viewers.add(viewer)
        self.refresh()

    def leave(self, viewer: Viewer) -> None:
        """The viewer is gone."""
        with self._lock:
            if viewer not in self._viewers:
                return
            self._viewers.discard(viewer)
            self.source.leave(_nothing if self._viewers else self._news.set)
        self._news.set()  # the thread ends when nobody is left

    def refresh(self) -> None:
        """Make messages anew: a viewer looks at something else."""
        self._series_at = 0.0
        self._news.set()

    def _loop(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            with self._lock:
                viewers = tuple(self._viewers)
                if not viewers:
                    self._thread = None
                    return
            started = time.monotonic()
            self._publish(viewers)
            time.sleep(max(0.0, FASTEST - (time.monotonic() - started)))

    def _publish(self, viewers: Iterable[Viewer]) -> None:
        groups: dict[Any, list[Viewer]] = {}
        for viewer in viewers:
            groups.setdefault((viewer.view, viewer.seek), []).append(viewer)
        now = time.monotonic()
        if now - self._series_at >= SERIES_EVERY or self.source.status not in (Status.RUNNING, Status.GROWING):
            self._series_at, self._series_number, self._series = now, self._series_number + 1, {}
        for (view, seek), group in groups.items():
            message = self._message_or_problem(view, seek, group)
            for viewer in group:
                viewer.news = message
                viewer.wake()

    def _message_or_problem(self, view: View, seek: int | None, group: list[Viewer]) -> Message | str:
        """A defect of ours in one view must not end the stream for all: it is said, logged, and tried again."""
        try:
            return self._message(view, seek, group)
        except Exception as error:
            log.exception("A message could not be made (%s)", view)
            text = f"This view could not be drawn ({type(error).__name__}); training goes on. Please report it."
            return json.dumps({"type": "problem", "text": text})

    def _message(self, view: View, seek: int | None, group: list[Viewer]) -> Message:
        scene = scene_of(self.source, seek, view.solo)
        header = header_of(self.source, scene, seek)
        panels = charts.panels(scene, view)
        noticed = charts.notice(scene, view) is not None
        # The stream is part of it: what a viewer was sent by the one before, a moment ago, it has of another run.
        ids = tuple(panel.id for panel in panels)
        shape = (self, view, tuple(scene.titles.items()), tuple(scene.places), bool(scene.current), ids, noticed)
        due = (view, seek) not in self._series
        figures = charts.patch(scene, view, series=due) if scene.current else {}
        if due:
            slow = {panel.id for panel in panels if not panel.live}
            rest = {name: figures.pop(name) for name in slow & figures.keys()}
            self._series[view, seek] = Series(self._series_number, rest, extras_of(scene, view, seek))
        whole = None
        if any(viewer.drawn != shape for viewer in group):
            whole = json.dumps({"type": "scene", **scene_message(self.source, scene, view, seek)})
        return Message(shape, header, figures if scene.current else None, self._series[view, seek], whole)


def _nothing() -> None:
    """One thread serves all viewers; further viewers are only counted."""
