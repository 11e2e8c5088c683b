"""The process that trains: `python -m bnviz.serve.child`, started and spoken to by `bnviz.serve.worker`.

Commands come in on stdin, a JSON object a line; what a run yields goes out on stdout, an Arrow stream for each run.
When stdin ends, so does the process: a parent that dies, however it dies, leaves nothing behind.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from bnviz.closeup import to_text
from bnviz.config import RunConfig
from bnviz.frames import Description
from bnviz.recording import Note, StreamWriter
from bnviz.recording.arrow import NoteKind
from bnviz.serve.commands import Commands

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
NICENESS = 5
"""Training gives way to the page and the server where they share its processor; alone it is as fast as ever."""
OF_ARMS = ("change", "fork", "undo", "drop", "rename")
"""Commands that wait while the run goes back, as a step does, and then act where it is."""


@dataclass
class _Session:
    """One run."""

    trainer: Trainer
    slow: SlowMotion
    writer: StreamWriter
    commands: Commands
    paused: bool = False  # from the start: after one step, measured
    interval: float = 0.0  # seconds a step has to take at least; 0: full speed
    status: str = ""
    journey: Journey | None = None
    rest_after: bool = False  # the journey: the run was paused when it began
    waiting: list[dict[str, Any]] = field(default_factory=list)
    unit: dict[str, Any] | None = None  # what of an update is looked at close by
    plane: bool = False  # whether the plane is looked at
    plane_at: float = 0.0

    @property
    def resting(self) -> bool:
        """Whether nothing is to be done until the next command."""
        return self.paused or (self.journey is None and self.trainer.finished)

    def loop(self) -> None:
        """Train, and follow commands, until told to stop."""
        if self.paused:
            self._say_status()
            self._write(self.trainer.items(measure=True))
        while True:
            self._say_status()
            deadline = time.monotonic() + self.interval
            command = self.commands.next(None if self.resting else 0)
            while command is not None:
                if command["command"] == "stop":
                    return
                self._obey(**command)
                command = self.commands.next(0)
            if self.journey is not None and not self.resting:
                self._travel(self.journey)
            elif not self.resting:
                self._write(self.trainer.items(measure=self.trainer.due or self.interval > WATCHABLE))
                self._wait_until(deadline)

    def _wait_until(self, deadline: float) -> None:
        while (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, 0.05))

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
                self.interval = float(values["interval"])
            elif command == "look":
                self.unit, self.plane = values["unit"], values["plane"]
                self._show()
            elif self.journey is not None:
                self._obey_on_the_way(command, values)
            elif command == "play":
                self.paused = False
                self._extend_when_finished()
            elif command == "pause" and not self.resting:
                self.paused = True
                self._write(self.trainer.items(measure=True))  # what is shown while paused is where the networks are
            elif command == "step":
                self.paused = True
                self._extend_when_finished(by=1)
                self._write(self.trainer.items(measure=True))
            elif command in OF_ARMS:
                self._steer(command, values)
        except ValueError as error:
            self.writer.write(Note("problem", str(error)))

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

    def _travel(self, journey: Journey) -> None:
        """Go on for a moment; once where the run is, that trainer takes the other's place, and all is told at once."""
        from bnviz.training.slow import SlowMotion  # noqa: PLC0415  torch is there by now

        deadline = time.monotonic() + SLICE
        try:
            while not journey.arrived and time.monotonic() < deadline:
                journey.advance()
        except ValueError as error:  # the run goes on as if it had not been asked to go back
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


def main() -> None:
    """Serve runs until stdin ends."""
    if hasattr(os, "nice"):  # not on Windows
        os.nice(NICENESS)
    # Frames get a private copy of stdout; whatever a library prints goes to stderr.
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # Unbuffered: the lock of a buffer would spoil the process's last words.
    commands = Commands(open(0, "rb", buffering=0))  # noqa: SIM115
    _warm_up()
    while True:
        command = commands.next(None)
        if command and command["command"] == "start":
            _serve(RunConfig.from_dict(command["config"]), command, commands, sink)


def _warm_up() -> None:
    """Touch what a run needs, so that the first frame of the first run comes at once."""
    import torch  # noqa: PLC0415  after stdout is safe, and never in the server

    from bnviz.training import Trainer  # noqa: PLC0415  the same

    torch.set_num_threads(1)
    trainer = Trainer(RunConfig(depth=2, width=4))
    for _ in range(2):
        trainer.step(measure=True)
    gc.collect()
    gc.freeze()  # what is imported stays: the collector need not look at it


def _serve(config: RunConfig, start: dict[str, Any], commands: Commands, sink: IO[bytes]) -> None:
    """Serve a run. start: the command; its `model` names the factory of somebody's own nets, `FILE.py:FUNCTION`."""
    from bnviz.data import DataUnavailable  # noqa: PLC0415  torch is there by now
    from bnviz.models.factory import load_factory  # noqa: PLC0415  the same
    from bnviz.training import Trainer, nets_of  # noqa: PLC0415  the same
    from bnviz.training.slow import SlowMotion  # noqa: PLC0415  the same

    description, problem, model = Description.of(config), "", start["model"]
    try:
        nets = nets_of(config, load_factory(model) if model and config.model == "own" else None)
        description = Description(nets.layers, config.labels, config)
    except ValueError as error:
        problem = str(error)
    writer = StreamWriter(sink, description)
    writer.write(Note("starting"))
    try:
        if problem:
            raise ValueError(problem)
        trainer = Trainer(config, lambda text, share: writer.write(Note("progress", text, share)), nets)
        _Session(trainer, SlowMotion(trainer), writer, commands, start["paused"]).loop()
    except (DataUnavailable, ValueError) as error:
        writer.write(Note("failed", str(error)))
    writer.write(Note("stopped"))
    writer.close()


if __name__ == "__main__":
    main()
