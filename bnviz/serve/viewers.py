"""From a run to its viewers: messages are made once per view, whoever watches; a slow viewer skips, never lags."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from bnviz import charts
from bnviz.charts.scene import View
from bnviz.serve.hub import Run
from bnviz.serve.messages import extras_of, header_of, scene_message, scene_of

FASTEST = 0.04
"""Seconds from one message to the next, at least."""
SERIES_EVERY = 0.33
"""Seconds between updates of the charts over steps, of the sentence and of the timeline."""


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
    news: Message | None = None

    def take(self) -> str | None:
        """The newest message not yet sent, as text, or None; to be sent at once."""
        message, self.news = self.news, None
        if message is None:
            return None
        if message.structure != self.drawn:
            if message.scene is None:
                return None  # the next message brings it
            self.drawn, self.series = message.structure, message.series_number
            return message.scene
        if message.series_number != self.series:
            self.series = message.series_number
            return message.patch(with_series=True)
        return message.patch(with_series=False)


@dataclass(frozen=True, eq=False)
class Message:
    """What viewers of one view are to see now; pieces of JSON, put together by what a viewer has already."""

    structure: object
    header: str
    live: str | None
    """What changes with every message; None: nothing is measured yet, so there is nothing to draw."""
    series: str
    series_number: int
    scene: str | None

    def patch(self, with_series: bool) -> str:
        """The JSON text of a patch."""
        if self.live is None:
            return f'{{"type": "status", {self.header}}}'
        figures, extras = self.live, ""
        if with_series:
            series, extras = self.series.split("\n", 1)
            figures = ", ".join(part for part in (self.live, series) if part)
        return f'{{"type": "patch", {self.header}, "figures": {{{figures}}}{extras}}}'


class Stream:
    """Makes the messages of one run, in a thread that lives while somebody watches."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._viewers: set[Viewer] = set()
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._thread: threading.Thread | None = None
        self._series_at = 0.0
        self._series_number = 0
        self._series: dict[Any, str] = {}

    def join(self, viewer: Viewer) -> None:
        """Let a viewer watch."""
        with self._lock:
            if not self._viewers:
                self.run.watch(self._news.set)
                self._thread = threading.Thread(target=self._loop, daemon=True)
                self._thread.start()
            else:
                self.run.watch(self._nothing)
            self._viewers.add(viewer)
        self.refresh()

    def leave(self, viewer: Viewer) -> None:
        """The viewer is gone."""
        with self._lock:
            self._viewers.discard(viewer)
            last = not self._viewers
        self.run.leave(self._news.set if last else self._nothing)
        self._news.set()

    def refresh(self) -> None:
        """Make messages soon: a viewer wants to see something else."""
        self._series_at = 0.0
        self._news.set()

    def _nothing(self) -> None:
        """One thread serves all viewers; further viewers are only counted."""

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
        fresh = now - self._series_at >= SERIES_EVERY or self.run.status != "running"
        if fresh:
            self._series_at, self._series_number, self._series = now, self._series_number + 1, {}
        for key, group in groups.items():
            message = self._message(key, fresh, group)
            for viewer in group:
                viewer.news = message
                viewer.wake()

    def _message(self, key: tuple[View, int | None], fresh: bool, group: list[Viewer]) -> Message:
        view, seek = key
        scene = scene_of(self.run, seek)
        header = header_of(self.run, scene, seek)
        noticed = charts.notice(scene, view) is not None
        shape = (view, tuple(scene.titles.items()), bool(scene.current), self.run.config, noticed)
        due = key not in self._series
        figures = charts.patch(scene, view, series=due) if scene.current else {}
        if due:
            slow = {panel.id for panel in charts.panels(scene, view) if not panel.live}
            rest = {name: figures.pop(name) for name in slow & figures.keys()}
            self._series[key] = f"{_inner(rest)}\n, {_inner(extras_of(scene, view, seek))}"
        whole = None
        if any(viewer.drawn != shape for viewer in group):
            whole = json.dumps({"type": "scene", **scene_message(self.run, scene, view, seek)})
        live = _inner(figures) if scene.current else None
        return Message(shape, _inner(header), live, self._series[key], self._series_number, whole)


def _inner(value: dict[str, Any]) -> str:
    """The JSON of a dict without its braces."""
    return json.dumps(value)[1:-1]
