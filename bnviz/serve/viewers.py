"""From a source to its viewers: messages are made once per view, whoever watches; a slow viewer skips, never lags."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial

from bnviz import charts
from bnviz.charts.scene import View
from bnviz.serve.looking import attend
from bnviz.serve.messages import extras_of, header_of, scene_message, scene_of
from bnviz.serve.series import AT_REST, Lead, Made, Series
from bnviz.serve.texts import Message, Text
from bnviz.source import Source, Status

FASTEST = 0.04
"""Seconds from one message to the next, at least."""
AUDIENCE_EVERY = 0.09
"""The same for the audience: ten a second look smooth, and there may be hundreds of them on one network."""
ON_THE_WAY = 2
"""Messages to one viewer that may be under way: the buffers between here and there would hold minutes of them."""
log = logging.getLogger(__name__)


@dataclass(eq=False)
class Viewer:
    """One open socket: what it wants to see, and what it has been sent."""

    wake: Callable[[], None]
    audience: bool = False
    """Whether this is one of many, who only watches."""
    packed: bool = False
    """Whether messages are sent gzipped."""
    view: View = field(default_factory=View)
    key: object = None
    """To steering the source, if the viewer has sent it."""
    seek: int | None = None
    """The step looked at; None: the newest."""
    follows: bool = False
    """Whether the speaker's choice is shown in place of its own."""
    lead: Lead | None = None
    """What the speaker looked at when last told."""
    leads: bool = False
    """Whether this is the speaker, who has the key to steering."""
    due: bool = True
    """Whether there is something to tell."""
    drawn: object = None
    """Structure of the figures that the viewer has; differs from a message's: it needs the whole scene."""
    lacks: bool = False
    """Whether the last message was for figures that it does not have: it needs another, with the whole scene."""
    series: Series | None = None
    news: deque[Message | Text] = field(default_factory=lambda: deque(maxlen=1))
    """The newest message, if it is not taken yet. Put in by one thread and taken out by another, each in one go."""
    sent: int = 0
    seen: int | None = None
    """How many messages have come through, as it says; None: it never said."""

    @property
    def behind(self) -> bool:
        """Whether so many messages are on their way that the next had better wait, and be a newer one."""
        return self.seen is not None and self.sent - self.seen >= ON_THE_WAY

    def looks_at(self) -> Lead:
        """The view and step to be shown: its own, or the speaker's in its own theme and size."""
        if not self.follows or self.lead is None:
            return self.view, self.seek
        (view, seek), own = self.lead, self.view
        return replace(view, theme=own.theme, stacked=own.stacked, present=own.present, away=False), seek

    def follow(self, follows: bool) -> None:
        """Follow the speaker, or no longer; what is looked at then begins where the speaker is."""
        if self.follows and not follows and self.lead is not None:
            self.seek = self.lead[1]
        self.follows = follows and self.audience

    def move(self) -> None:
        """Another source comes in the place of the one watched: nothing of that one is left."""
        self.drawn = self.seek = self.series = None
        self.news.clear()
        self.lead = self.lead and (self.lead[0], None)

    def take(self) -> str | bytes | None:
        """The newest message not yet sent, as text or gzipped, or None; to be sent at once."""
        return None if (text := self._next()) is None else self.sends(text)

    def sends(self, text: Text) -> str | bytes:
        """A message in the form in which this viewer is sent it, now."""
        self.sent += 1
        return text.packed if self.packed else text.plain

    def _next(self) -> Text | None:
        message = self.news.popleft() if self.news else None
        if not isinstance(message, Message):
            return message
        self.lacks = message.structure != self.drawn and message.scene is None
        if self.lacks:
            return None
        if message.structure != self.drawn:
            self.drawn, self.series = message.structure, message.series
            return message.scene
        if message.series is not self.series:
            self.series = message.series
            return message.with_series
        return message.without_series


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
            extras = extras_of(scene, view, seek, told=due == "all")
            self._series[view, seek] = Series(rest, extras, whole=due == "all")
        whole = None
        if any(viewer.drawn != shape for viewer in group):
            whole = Text.of("scene", **scene_message(self.source, scene, view, seek), **about)
        return Message(shape, header, live if scene.current else None, self._series[view, seek], whole, seek is None)


def _nothing() -> None:
    """One thread serves all viewers; further viewers are only counted."""
