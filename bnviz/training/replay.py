"""A run once more: the same config, and the same things done to it at the same steps, give the same networks."""

from __future__ import annotations

import pickle
import tempfile
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from bnviz.config import MAX_ARMS, RunConfig, parse_field
from bnviz.config.arm import ARM_SETTINGS, parse_arm_field
from bnviz.frames import Event
from bnviz.lineup import current_config, free_place, lineup, lineups, new_label, to_undo
from bnviz.training import Item, Trainer
from bnviz.training.nets import Nets

DONE = ("change", "fork", "drop", "rename")
"""What is done to a run; other events come of themselves."""
IN_MEMORY = 16_000_000
"""Bytes of what a journey has to tell that are held in memory; more of it waits on disk."""


def replayed(config: RunConfig, events: Iterable[Event], step: int, nets: Nets | None = None) -> Trainer:
    """A trainer where a run of this config was after `step` updates, and what was done to it up to there.

    events: those of that run, in order; later ones are left out. Its weights, and all else that training goes on
    from, are equal bit by bit. Nothing is measured on the way. Errors: as `Trainer`; ValueError for an event that
    cannot be.
    """
    trainer = Trainer(config, nets=nets)
    for _ in retrace(trainer, events, step, measure_from=step):
        pass
    return trainer


def retrace(
    trainer: Trainer, events: Iterable[Event], until: int, measure_from: int
) -> Iterator[tuple[int, list[Item]]]:
    """Train on to step `until`, doing what was done to the run; yield each step with what there is to tell of it.

    That is the events, and from step `measure_from` on the frames of the steps that are due, and of the last.
    """
    done = deque(event for event in events if event.kind in DONE)
    while True:
        while done and done[0].step <= trainer.step_count:
            repeat(trainer, done.popleft())
        step, due = trainer.step_count, trainer.due
        if step >= until:
            yield step, list(trainer.news())
            return
        items = list(trainer.items(measure=step >= measure_from and (due or step == until - 1)))
        if due:
            trainer.flag_divergence()  # as a run does that measures here
        yield step, [*items, *trainer.news()]


def repeat(trainer: Trainer, event: Event) -> None:
    """Do to the run what an event tells of."""
    if event.arm is None:
        trainer.change(**{name: parse_field(name, text) for name, text in event.changes.items()})
        return
    fields = {name: parse_arm_field(name, text) for name, text in event.changes.items() if name in ARM_SETTINGS}
    if event.kind == "change":
        trainer.change(event.arm, **fields)
    elif event.kind == "fork":
        trainer.fork(event.arm, event.changes["label"], int(event.changes["place"]), **fields)
    elif event.kind == "drop":
        trainer.drop(event.arm)
    else:
        trainer.rename(event.arm, event.changes["name"])


class Journey:
    """The way back to a step of a run, and on to where the run is now, with other events; a step at a time.

    trainer: the run's, which is left as it is. events: what is to have been done, from the run's start. step: from
    here on it is told anew. until: where the run is, if not where its trainer is: then that has yet to begin.
    Nothing is told before it has arrived: a run whose way breaks off is whole, as it was.
    """

    def __init__(self, trainer: Trainer, events: Iterable[Event], step: int, until: int | None = None) -> None:
        self.step = step
        self.trainer = Trainer(trainer.started_with, nets=trainer.nets)
        """The one that is under way; once it has arrived, that of the run."""
        self.back = False
        """Whether it has come to `step`."""
        self.arrived = False
        """Whether it has come to where the run was."""
        self.until = trainer.step_count if until is None else until
        self.trainer.round = trainer.round
        self._way = retrace(self.trainer, events, self.until, measure_from=step)
        self._to_tell = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115
        weakref.finalize(self, self._to_tell.close)

    @property
    def progress(self) -> tuple[str, float]:
        """How far it has come, in words and as a share of the way to `step`, or from there on."""
        goal, start = (self.until, self.step) if self.back else (self.step, 0)
        share = (self.trainer.step_count - start) / max(1, goal - start)
        what = "training again from" if self.back else "going back to"
        return f"{share:.0%}: {what} step {self.step} …", share  # its end may be cut off

    def advance(self) -> None:
        """Go one step. Errors: ValueError for an event that cannot be, and where there is no room for what to tell."""
        at, items = next(self._way)
        self.arrived = at >= self.until
        if at < self.step:
            return
        if not self.back:
            self.back = True
            frames = [item for item in items if not isinstance(item, Event)]
            items = [Event(self.step, "rewind"), *self.trainer.events, *frames]
        try:
            for item in items:
                pickle.dump(item, self._to_tell)
        except OSError as error:
            raise ValueError(f"There is no room to go back to step {self.step}: {error.strerror or error}.") from error

    def items(self) -> Iterator[Item]:
        """What there is to tell of it: a `rewind`, all events up to `step`, and frames and events from there on."""
        self._to_tell.seek(0)
        while True:
            try:
                yield pickle.load(self._to_tell)
            except EOFError:
                return


def with_fork(trainer: Trainer, place: int, step: int, arm: str, fields: dict[str, Any]) -> list[Event]:
    """The run's events with a fork of an arm put in at a place among them.

    Errors: ValueError where that arm was not there, or no further one can be, then or later.
    """
    events = trainer.events
    beside = list(lineups(trainer.started_with, events))[place:]  # from the fork on, after each event
    if arm not in beside[0]:
        raise ValueError(f"At step {step} there was no network {arm!r}; there were {', '.join(beside[0])}.")
    if len(beside[-1]) >= MAX_ARMS:
        raise ValueError(f"A run has {MAX_ARMS} networks at most: drop one first.")
    full = [at for at, members in enumerate(beside, place) if len(members) >= MAX_ARMS]
    if full:
        until = events[full[-1]].step
        raise ValueError(f"A run has {MAX_ARMS} networks at most, and had them up to step {until}: fork from there on.")
    label = new_label(replace(beside[0][arm].arm, **fields).label, trainer.places)
    free = free_place({member.place for members in beside for member in members.values()})
    if free >= MAX_ARMS:
        raise ValueError(f"Since step {step} there were networks in all {MAX_ARMS} colours: fork from a later step.")
    changes = {name: str(value) for name, value in {**fields, "label": label, "place": free}.items()}
    return [*events[:place], Event(step, "fork", arm, changes), *events[place:]]


def place_after(events: Sequence[Event], step: int) -> int:
    """Where among the events something has its place that happens at a step, after all else that was done there."""
    return next((place for place, event in enumerate(events) if event.kind in DONE and event.step > step), len(events))


def without_last_change(trainer: Trainer, arm: str) -> tuple[list[Event], int]:
    """The run's events with a fork just before its last change, and that step: the copy goes on without the change.

    The last that `to_undo` names is a change. arm: which to copy where the change was one of all. Errors: ValueError
    that says why there is no such copy.
    """
    events = trainer.events
    place = to_undo(events)
    if place is None:
        raise ValueError("Nothing was changed in these networks while they ran, so there is nothing to undo.")
    last, before = events[place], events[place - 1] if place else None
    if before and before.kind == "fork" and before.step == last.step and before.changes["label"] in trainer.arms:
        raise ValueError(f"That change is undone already: {before.changes['label']} goes on without it.")
    fields: dict[str, Any] = {}
    if last.arm is None:
        if set(last.changes) != {"learning_rate"}:
            names = ", ".join(last.changes)
            raise ValueError(f"The last change ({names}) is one that all networks of a run share: set it back instead.")
        earlier = current_config(trainer.started_with, events[:place])
        then = lineup(trainer.started_with, events[:place])
        fields = {"learning_rate": earlier.rate(then[arm].arm)} if arm in then else {}
    return with_fork(trainer, place, last.step, last.arm or arm, fields), last.step
