"""A run's settings and arms as they have become: at once where a change was asked for, else as its events tell."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from bnviz.config import Arm, RunConfig
from bnviz.frames import Event
from bnviz.history import History
from bnviz.lineup import lineup


class Standing:
    """The config of a run as changed so far, with the labels of its arms; thread-safe."""

    def __init__(self, config: RunConfig) -> None:
        self.config = self._started_with = config
        self.labels = config.labels
        """Of the arms that are there, in the order of `config.arms`."""
        self.places = {label: place for place, label in enumerate(self.labels)}
        """Each arm's place among the colours, also of those that are gone."""
        self._lock = threading.RLock()

    def snapshot(self) -> tuple[RunConfig, tuple[str, ...]]:
        """Config and labels of one moment."""
        with self._lock:
            return self.config, self.labels

    def become(self, config: RunConfig, labels: Sequence[str]) -> None:
        """Take a config over that was asked for; labels: of its arms, where there may be others by now."""
        with self._lock:
            asked = dict(zip(labels, config.arms, strict=True))
            arms = self._arms()
            self.config = replace(config, arms=self.config.arms)
            self._line_up({label: asked.get(label, arm) for label, arm in arms.items()})

    def forget(self, label: str) -> None:
        """An arm is gone."""
        with self._lock:
            self._line_up({each: arm for each, arm in self._arms().items() if each != label})

    def follow(self, event: Event, events: Iterable[Event]) -> None:
        """Take a fork in, and a dropped arm out; changes are there since they were asked for.

        While a run goes back its events are told again: an arm that is known stays as it has become since. events: all
        so far.
        """
        if event.kind == "drop" and event.arm:
            self.forget(event.arm)
        elif event.kind == "fork" and (label := event.changes["label"]) not in self.places:
            new = lineup(self._started_with, events)[label]
            with self._lock:
                self.places[label] = new.place
                self._line_up(self._arms() | {label: new.arm})

    def _arms(self) -> dict[str, Arm]:
        return dict(zip(self.labels, self.config.arms, strict=True))

    def _line_up(self, arms: dict[str, Arm]) -> None:
        if not arms:
            return
        ordered = dict(sorted(arms.items(), key=lambda each: self.places[each[0]]))
        self.labels, self.config = tuple(ordered), replace(self.config, arms=tuple(ordered.values()))


def whereabouts(history: History) -> dict[str, Any] | None:
    """The step that training had come to, as far as is known, and the events up to there; None: it has not begun."""
    steps, events = history.snapshot()
    if not steps:
        return None
    step = max([steps[-1][0].step + 1, *(event.step for event in events)])
    return {"step": step, "events": [event.to_dict() for event in events]}
