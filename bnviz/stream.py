"""From a run to its viewers: messages are made once per view, whoever watches; a slow viewer skips, never lags."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from bnviz import charts
from bnviz.datasets import SHAPES
from bnviz.frames import Frame
from bnviz.hub import Run
from bnviz.scene import Scene, View
from bnviz.verdict import sentence

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
    layers: str
    series: str
    series_number: int
    scene: str | None

    def patch(self, with_series: bool) -> str:
        """The JSON text of a patch."""
        if not self.layers:  # nothing measured yet: nothing to draw
            return f'{{"type": "status", {self.header}}}'
        figures, extras = self.layers, ""
        if with_series:
            series, extras = self.series.split("\n", 1)
            figures = ", ".join(part for part in (self.layers, series) if part)
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
        shape = (view, tuple(scene.titles.items()), bool(scene.current), self.run.config)
        figures = charts.patch(scene, view, series=False) if scene.current else {}
        if key not in self._series:
            both = charts.patch(scene, view, series=True) if scene.current else {}
            rest = {name: figure for name, figure in both.items() if name not in figures}
            extras = {"sentence": words_of(scene), "timeline": timeline_of(scene, seek)}
            self._series[key] = f"{_inner(rest)}\n, {_inner(extras)}"
        whole = None
        if any(viewer.drawn != shape for viewer in group):
            whole = json.dumps({"type": "scene", **scene_message(self.run, scene, view, seek)})
        return Message(shape, _inner(header), _inner(figures), self._series[key], self._series_number, whole)


def _inner(value: dict[str, Any]) -> str:
    """The JSON of a dict without its braces."""
    return json.dumps(value)[1:-1]


def scene_of(run: Run, seek: int | None) -> Scene:
    """What there is to draw of a run now, or as it was at a step."""
    steps, events = run.history.snapshot()
    current: tuple[Frame, ...] = (steps[-1] if steps else ()) if seek is None else run.history.nearest(seek) or ()
    return Scene(run.started_with, steps, events, current, SHAPES[run.config.dataset][1] or None)


def scene_message(run: Run, scene: Scene, view: View, seek: int | None = None) -> dict[str, Any]:
    """All that is needed to draw a run from nothing."""
    return {
        "run": run.id,
        **header_of(run, scene, seek),
        **charts.figures(scene, view),
        "sentence": words_of(scene),
        "timeline": timeline_of(scene, seek),
    }


def header_of(run: Run, scene: Scene, seek: int | None) -> dict[str, Any]:
    """Status, step and speed."""
    return {
        "status": run.status,
        "step": scene.current[0].step if scene.current else 0,
        "newest": run.step,
        "rate": round(run.rate),
        "text": run.text,
        "live": seek is None,
    }


def words_of(scene: Scene) -> list[dict[str, Any]]:
    """The sentence over the charts, as spans of text, each with the place of the arm it speaks of."""
    return [{"text": span.text, "arm": span.arm} for span in sentence(scene.config, scene.current, scene.events)]


def timeline_of(scene: Scene, seek: int | None) -> dict[str, Any]:
    """First and last step kept, the one shown, and the events."""
    known = scene.steps
    return {
        "first": known[0][0].step if known else 0,
        "last": known[-1][0].step if known else 0,
        "shown": scene.current[0].step if scene.current else 0,
        "live": seek is None,
        "events": [{"step": event.step, "text": event.text} for event in scene.events],
    }
