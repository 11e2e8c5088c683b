"""From a source to its viewers: messages are made once per view, whoever watches; a slow viewer skips, never lags."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from functools import partial

from bnviz import charts
from bnviz.charts.scene import View
from bnviz.serve.looking import attend
from bnviz.serve.messages import extras_of, header_of, scene_message, scene_of
from bnviz.serve.series import AT_REST, Lead, Made, Series
from bnviz.serve.texts import Message, Text
from bnviz.serve.viewer import Viewer
from bnviz.source import Source, Status

FASTEST = 0.04
"""Seconds from one message to the next, at least."""
AUDIENCE_EVERY = 0.09
"""The same for the audience: ten a second look smooth, and there may be hundreds of them on one network."""
log = logging.getLogger(__name__)


class Stream:
    """Makes the messages of one source, in a thread that lives while somebody watches."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._viewers: set[Viewer] = set()
        self._lock = threading.Lock()
        self._wakeup = threading.Event()
        self._thread: threading.Thread | None = None
        self._asked = threading.Event()
        """Set when somebody looks at something else, as while the timeline is dragged: that waits for no pace."""
        self._fresh = False
        """Whether the source has something new."""
        self._heard_at = time.time()
        """When it last had."""
        self._audience_at = 0.0
        self._series = Made()
        self._lead: Lead | None = None

    def join(self, viewer: Viewer) -> None:
        """Let a viewer watch."""
        with self._lock:
            if not self._viewers:
                self.source.watch(self._hear)
                self._thread = threading.Thread(target=self._loop, daemon=True)
                self._thread.start()
            else:
                self.source.watch(_nothing)
            self._viewers.add(viewer)
            self._tell_speaker()
        self.refresh(viewer)

    def leave(self, viewer: Viewer) -> None:
        """The viewer is gone."""
        with self._lock:
            if viewer not in self._viewers:
                return
            self._viewers.discard(viewer)
            self.source.leave(_nothing if self._viewers else self._hear)
            self._tell_speaker()
            still = next((each for each in self._viewers if each.leads), None)
        if viewer.leads and self._lead is not None:
            # The speaker's other page leads on; without one nobody would bring those who follow back from the past.
            self.lead(*((still.view, still.seek) if still else (self._lead[0], None)))
        self._wakeup.set()  # the thread ends when nobody is left

    def _tell_speaker(self) -> None:
        """Of one viewer more or less."""
        for viewer in self._viewers:
            viewer.due |= viewer.leads

    def refresh(self, viewer: Viewer) -> None:
        """A viewer looks at something else: make a message for it."""
        viewer.due = True
        if not viewer.audience:
            self._asked.set()
        self._wakeup.set()

    def lead(self, view: View, seek: int | None) -> None:
        """The speaker looks at this: show it to all who follow."""
        if (view, seek) != self._lead:
            self._lead = (view, seek)
            self._hear()

    def _hear(self) -> None:
        self._heard_at, self._fresh = time.time(), True
        self._wakeup.set()

    def _loop(self) -> None:
        while True:
            rested = not self._wakeup.wait(AT_REST if self._series.owing else None)
            self._wakeup.clear()
            self._asked.clear()
            with self._lock:
                viewers = tuple(self._viewers)
                if not viewers:
                    self._thread = None
                    attend(self.source, self, [])
                    return
            started = time.monotonic()
            for viewer in viewers:
                viewer.due |= rested and viewer.looks_at()[1] is not None
            attend(self.source, self, [(viewer.view, viewer.key) for viewer in viewers])
            self._publish(self._whose_turn(viewers), sum(not viewer.leads for viewer in viewers))
            self._asked.wait(max(0.0, FASTEST - (time.monotonic() - started)))
            if any(viewer.due for viewer in viewers):
                self._wakeup.set()

    def _whose_turn(self, viewers: Iterable[Viewer]) -> list[Viewer]:
        """Those for whom there is something new, and for whom it is not too soon."""
        fresh, self._fresh = self._fresh, False
        turn = time.monotonic() - self._audience_at >= AUDIENCE_EVERY
        chosen = []
        for viewer in viewers:
            viewer.due |= fresh
            if viewer.due and (turn or not viewer.audience):
                viewer.due = False  # before its view is read: a change after that makes it due again
                viewer.lead = self._lead or viewer.lead
                chosen.append(viewer)
        if any(viewer.audience for viewer in chosen):
            self._audience_at = time.monotonic()
        return chosen

    def _publish(self, viewers: Iterable[Viewer], watching: int) -> None:
        groups: dict[Lead, list[Viewer]] = {}
        for viewer in viewers:
            groups.setdefault(viewer.looks_at(), []).append(viewer)
        self._series.forget()
        for (view, seek), group in groups.items():
            message = self._message_or_problem(view, seek, group, watching)
            for viewer in group:
                viewer.news.append(message)
                viewer.wake()

    def _message_or_problem(self, view: View, seek: int | None, group: list[Viewer], watching: int) -> Message | Text:
        """A defect of ours in one view must not end the stream for all: it is said, logged, and tried again."""
        try:
            return self._message(view, seek, group, watching)
        except Exception as error:
            log.exception("A message for the tab %s could not be made", view.tab)
            text = f"This view could not be drawn ({type(error).__name__}); training goes on. Please report it."
            return Text.of("problem", text=text)

    def _message(self, view: View, seek: int | None, group: list[Viewer], watching: int = 0) -> Message:
        about = {"at": round(self._heard_at, 3), "watching": watching}
        scene = scene_of(self.source, seek, view.solo)
        header = header_of(self.source, scene, seek) | about
        # The stream is part of it: what a viewer was sent by the one before, a moment ago, it has of another run.
        shape = (self, *charts.structure(scene, view))
        training = self.source.status in (Status.RUNNING, Status.GROWING)
        due = self._series.due((view, seek), training)
        still = not scene.current or (seek is not None and not due)
        moved = charts.at_step if due == "step" else partial(charts.patch, series=due == "all")
        live = {} if still else moved(scene, view)
        if due:
            slow = {panel.id for panel in charts.panels(scene, view) if seek is not None or not panel.live}
            rest = {name: live.pop(name) for name in slow & live.keys()}
            extras = extras_of(self.source, scene, view, seek, told=due == "all")
            self._series[view, seek] = Series(rest, extras, whole=due == "all")
        whole = None
        if any(viewer.drawn != shape for viewer in group):
            whole = Text.of("scene", **scene_message(self.source, scene, view, seek), **about)
        return Message(shape, header, live if scene.current else None, self._series[view, seek], whole, seek is None)


def _nothing() -> None:
    """One thread serves all viewers; further viewers are only counted."""
