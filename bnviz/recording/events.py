"""Events as a recording tells them: checked, for it may come from anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

from bnviz.config import MAX_ARMS, RunConfig, parse_field
from bnviz.config.arm import ARM_SETTINGS, parse_arm_field
from bnviz.frames import Event, EventKind
from bnviz.lineup import Member, happen, lineup, parse_name

LONGEST = 1000
"""Letters of a label, or of a value."""


class Told:
    """The events of one recording in their order, each checked against what those before it made of the run.

    config: what the run was started with; None where that is not known: then each is checked alone.
    """

    def __init__(self, config: RunConfig | None) -> None:
        self._began = config
        self._start()

    def _start(self) -> None:
        self._config = self._began
        self._arms: dict[str, Member] = {} if self._began is None else lineup(self._began, ())

    def read(self, told: Mapping[str, Any]) -> Event:
        """The next event, of which `Event.to_dict` made this.

        Errors: ValueError, KeyError or TypeError where no run can have had it.
        """
        event = _event(told)
        if event.kind == "rewind":
            self._start()
        elif self._config is not None:
            happen(self._arms, event)
            general = event.changes if event.kind == "change" and event.arm is None else {}
            arms = tuple(member.arm for member in self._arms.values())
            self._config = replace(RunConfig.from_dict(general, self._config), arms=arms)
        return event


def _event(told: Mapping[str, Any]) -> Event:
    event = Event(**told)
    if type(event.step) is not int or event.step < 0 or event.kind not in get_args(EventKind):
        raise ValueError
    texts = [*event.changes, *event.changes.values(), event.arm or ""]
    if not all(isinstance(text, str) and len(text) <= LONGEST and text.isprintable() for text in texts):
        raise ValueError
    if event.kind == "fork" and not event.changes["label"]:
        raise ValueError
    for name, text in event.changes.items():
        _check(event, name, text)
    return event


def _check(event: Event, name: str, text: str) -> None:
    """Whether such an event can have brought this about. Errors: ValueError."""
    if (event.kind, name) == ("fork", "place"):
        if not 0 <= int(text) < MAX_ARMS:
            raise ValueError
    elif (event.kind, name) == ("rename", "name"):
        parse_name(text)
    elif event.arm is not None and name in ARM_SETTINGS:
        parse_arm_field(name, text)
    elif (event.kind, name) != ("fork", "label"):
        parse_field(name, text)
