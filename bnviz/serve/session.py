"""A run in the process that trains it: its trainer, and what it is told to do."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bnviz.closeup import to_text
from bnviz.frames import Event
from bnviz.recording import Note, StreamWriter
from bnviz.recording.arrow import NoteKind
from bnviz.serve.commands import Commands
from bnviz.serve.pace import Pace

if TYPE_CHECKING:
    from bnviz.training import Item, Trainer
    from bnviz.training.replay import Journey
    from bnviz.training.slow import SlowMotion

WATCHABLE = 0.02
"""Steps that take at least so many seconds are measured each."""
PLANE_SECONDS = 0.25
"""While training goes on, the plane is looked at no more often."""
SLICE = 0.1
"""Seconds of going back between two looks at the commands."""
BEAT_SECONDS = 2.0
"""Between two signs of life: who gives none, and does not compute either, is ended."""
OF_ARMS = ("change", "fork", "undo", "drop", "rename")
"""Commands that wait while the run goes back, as a step does, and then act where it is."""


@dataclass
class Session:
    """One run."""

    trainer: Trainer
    slow: SlowMotion
    writer: StreamWriter
    commands: Commands
    rest_at: int | None = None  # the step at which to rest, measured, until told to play
    paused: bool = False
    napping: bool = False  # paused because nobody watches
    pace: Pace = field(default_factory=Pace)
    status: str = ""
    journey: Journey | None = None
    rest_after: bool = False  # the journey: the run was paused when it began
    waiting: list[dict[str, Any]] = field(default_factory=list)
    unit: dict[str, Any] | None = None  # what of an update is looked at close by
    plane: bool = False  # whether the plane is looked at
    plane_at: float = 0.0
    beat_at: float = 0.0

    @property
    def resting(self) -> bool:
        """Whether nothing is to be done until the next command."""
        return self.paused or (self.journey is None and self.trainer.finished)

    def loop(self) -> None:
        """Train, and follow commands, until told to stop."""
        while True:
            if self.rest_at is not None and self.journey is None and self.trainer.step_count >= self.rest_at:
                self.rest_at, self.paused = None, True
                self._say_status()
                self._write(self.trainer.items(measure=True))
            self._say_status()
            self._beat()
            command = self.commands.next(BEAT_SECONDS if self.resting else min(self.pace.wait, BEAT_SECONDS))
            if command is None:
                if not self.resting and not self.pace.wait:
                    self._work()
            elif command["command"] == "stop":
                return
            else:
                self._obey(**command)

    def _work(self) -> None:
        """Make a step, or go on with the journey."""
        began, spent = time.monotonic(), time.process_time()
        if self.journey is not None:
            self._travel(self.journey)
        else:
            self._write(self.trainer.items(measure=self.trainer.due or self.pace.interval > WATCHABLE))
        self.pace.worked(began, time.process_time() - spent)

    def _beat(self) -> None:
        if time.monotonic() - self.beat_at >= BEAT_SECONDS:
            self.beat_at = time.monotonic()
            self.writer.write(Note("beat"))

    def _write(self, items: Iterable[Item]) -> None:
        for item in items:
            self.writer.write(item)
        self._show()

    def _show(self) -> None:
        """Measure what is looked at beside the frames; the update that is explained is the last one."""
        if self.journey is not None:
            return  # on the way: the networks are not where the picture is
        if self.resting and self.unit is not None:
            closeup = self.slow.close_up(**self.unit)
            self.writer.write(Note("closeup", to_text(closeup) if closeup else ""))
        now = time.monotonic()
        if self.plane and (self.resting or now - self.plane_at >= PLANE_SECONDS):
            plane = self.slow.plane()
            if plane is not None:
                self.plane_at = now
                self.writer.write(Note("plane", to_text(plane)))

    def _say_status(self) -> None:
        finished = self.journey is None and self.trainer.finished
        status: NoteKind = "finished" if finished else "paused" if self.paused else "running"
        if status != self.status:
            self.status = status
            self.writer.write(Note(status, value=self.trainer.step_count))

    def _obey(self, command: str, **values: Any) -> None:
        try:
            if command == "pace":
                self.pace.change(**values)
            elif command == "look":
                self.unit, self.plane = values["unit"], values["plane"]
                self._show()
            elif self.journey is not None:
                self._obey_on_the_way(command, values)
            elif command == "play":
                self._play(**values)
            elif command == "pause" and not self.resting:
                self.paused, self.napping = True, bool(values.get("unwatched"))
                self._write(self.trainer.items(measure=True))  # what is shown while paused is where the networks are
            elif command == "step":
                self.paused = True
                self._extend_when_finished(by=1)
                self._write(self.trainer.items(measure=True))
            elif command in OF_ARMS:
                self._steer(command, values)
        except ValueError as error:
            self.writer.write(Note("problem", str(error)))
        except (AttributeError, KeyError, OverflowError, TypeError):
            traceback.print_exc()
            self.writer.write(Note("problem", "That could not be done: the command is not one that can be understood."))

    def _play(self, unwatched: bool = False) -> None:
        """Go on; unwatched: somebody watches again, which ends a nap, and no rest that was wished for."""
        if unwatched and not self.napping:
            return
        self.paused = self.napping = False
        if not unwatched:
            self.rest_at = None
        self._extend_when_finished()

    def _extend_when_finished(self, by: int | None = None) -> None:
        trainer = self.trainer
        if trainer.finished:
            trainer.change(steps=trainer.step_count + (by or trainer.round))

    def _obey_on_the_way(self, command: str, values: dict[str, Any]) -> None:
        """While the run goes back: rest, or go on, there as here; all else happens once the run is where it was."""
        if command in ("play", "pause", "step"):
            self.paused = command == "pause"
            if not values.get("unwatched"):  # a nap, and its end, leave what the owner wished
                self.rest_after = command != "play"
                self.rest_at = None if command == "play" else self.rest_at
                self.waiting = [each for each in self.waiting if each["command"] != "step"]
        if command == "step" or command in OF_ARMS:
            self.waiting.append({"command": command, **values})

    def _steer(self, command: str, values: dict[str, Any]) -> None:
        """Do something to the arms; where the run has to go back for it, it stays in sight until it is there."""
        from bnviz.training.steering import steer  # noqa: PLC0415  brings torch, which is there by now

        self.journey = steer(self.trainer, command, values)
        if self.journey is not None:
            self.rest_after, self.paused = self.paused, False
            return
        self._write(self.trainer.news())
        if command == "fork":
            self._extend_when_finished()
            if self.paused:
                self._write(self.trainer.items(measure=True))  # the new arm is seen where it is

    def come_back(self, events: Iterable[dict[str, Any]], step: int) -> None:
        """Begin where the run was after so many steps, with these events: what gave way to others goes on."""
        from bnviz.training.replay import Journey  # noqa: PLC0415  torch is there by now

        # From the last step on, which is measured: so what was shown, and nothing else, is told once more.
        self.journey = Journey(self.trainer, [Event(**each) for each in events], step - 1, until=step)
        if self.rest_at is not None and self.rest_at <= step:
            self.rest_at, self.rest_after = None, True

    def _travel(self, journey: Journey) -> None:
        """Go on for a moment; once where the run is, that trainer takes the other's place, and all is told at once."""
        from bnviz.training.slow import SlowMotion  # noqa: PLC0415  torch is there by now

        deadline = time.monotonic() + SLICE
        try:
            while not journey.arrived and time.monotonic() < deadline:
                journey.advance()
        except ValueError as error:  # the run goes on as if it had not been asked to go back
            if self.trainer.step_count < journey.until:
                raise  # it has nowhere to go on from
            self._go_on(())
            self._say_status()
            self.writer.write(Note("problem", str(error)))
            return
        if journey.arrived:
            self.trainer, self.slow = journey.trainer, SlowMotion(journey.trainer)
            self._go_on(journey.items())
        else:
            self.writer.write(Note("progress", *journey.progress))

    def _go_on(self, items: Iterable[Item]) -> None:
        """No longer on the way: tell what there is to tell of it, and do what has waited."""
        self.journey, self.paused, self.status = None, self.rest_after, ""
        self._write(items)
        waiting, self.waiting = self.waiting, []
        for command in waiting:
            self._obey(**command)
