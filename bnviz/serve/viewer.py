"""One viewer: what it wants to see, and what it is sent next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bnviz.charts.scene import View
from bnviz.serve.series import Lead, Series
from bnviz.serve.texts import Message, Text

ON_THE_WAY = 2
"""Messages to one viewer that may be under way: the buffers between here and there would hold minutes of them."""


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
