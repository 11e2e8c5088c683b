"""Measures a run in a second process, so that training need not wait for it.

The training process sends what the frames of an update depend on (see `bnviz.training.mirror`), the measuring process
sends back the frames.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Iterable
from multiprocessing.connection import Connection
from typing import Any, Protocol

import torch

from bnviz.frames import Frame
from bnviz.training import Item, Trainer
from bnviz.training.mirror import Mirror, Numbers, Run, State, Update


class MeasuringEnded(RuntimeError):
    """The process that measures is gone."""


class Closeable(Protocol):
    """A file, or an end of a pipe."""

    def close(self) -> None:
        """Give it up."""


class Measurer:
    """The process that measures, for one run after another.

    Where processes can be forked it is forked, which is fast and shares memory; then it must be made before the
    first backward pass, as torch's autograd does not work in a child forked after it. inherited: what the child
    must not keep open. It ends when this process does, however that ends.
    """

    def __init__(self, inherited: Iterable[Closeable] = (), method: str | None = None) -> None:
        method = method or ("fork" if sys.platform == "linux" else "spawn")
        self._pipe, theirs = multiprocessing.Pipe()
        forked = (self._pipe, *inherited) if method == "fork" else ()
        context: Any = multiprocessing.get_context(method)
        self._process = context.Process(target=_serve, args=(theirs, forked), daemon=True)
        self._process.start()
        theirs.close()
        self._busy = False

    @property
    def pid(self) -> int:
        """The process id."""
        return int(self._process.pid)

    def begin(self, run: Run) -> None:
        """Measure this run from now on."""
        if self._busy:
            self.frames()  # of a run that was stopped
        self._send(run)

    def ask(self, update: Update) -> None:
        """Have an update measured; one at a time."""
        self._send(update)
        self._busy = True

    @property
    def busy(self) -> bool:
        """Whether frames that were asked for have not been taken."""
        return self._busy

    @property
    def ready(self) -> bool:
        """Whether `frames` need not wait."""
        return self._busy and self._pipe.poll()

    def frames(self) -> tuple[Frame, ...]:
        """Wait for the frames asked for. Errors: MeasuringEnded."""
        self._busy = False
        try:
            frames: tuple[Frame, ...] = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise self._ended() from error
        return frames

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.kill()
        self._process.join()

    def _send(self, message: Run | Update) -> None:
        try:
            self._pipe.send(message)
        except OSError as error:
            raise self._ended() from error

    def _ended(self) -> MeasuringEnded:
        self._process.join(1.0)
        code = self._process.exitcode
        how = f"was killed (signal {-code})" if code is not None and code < 0 else f"ended with status {code}"
        return MeasuringEnded(f"the process that measures {how}")


def _serve(pipe: Connection, inherited: Iterable[Closeable]) -> None:
    """Answer until the other end is gone."""
    for each in inherited:  # a reader of these must see the end when the parent is gone
        each.close()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    mirror: Mirror | None = None
    while True:
        try:
            message = pipe.recv()
            if isinstance(message, Run):
                mirror = Mirror(message)
            elif mirror is not None:
                pipe.send(mirror.frames(message))
        except (EOFError, OSError):
            os._exit(0)


def _end_with_parent() -> None:
    """End at once when the parent is gone, also amid a long measurement."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(0)


class Recorder:
    """Steps a trainer while the steps that are due are measured in another process.

    Frames are the same as those of `Trainer.step`, and come in the same order, a few steps late.
    Errors: MeasuringEnded.
    """

    def __init__(self, trainer: Trainer, measurer: Measurer) -> None:
        self.trainer = trainer
        self._measurer = measurer
        self._told = 0
        self._states: dict[str, State] = {}
        self._states_of = -1
        batch = trainer.batch
        measurer.begin(Run(trainer.config, batch.x_test.numpy(), batch.y_test.numpy(), batch.classes))

    def step(self, measure: bool) -> list[Item]:
        """Make one update; return the frames and events that are ready by now, oldest first."""
        trainer = self.trainer
        if not measure:
            trainer.step()
            return self.flush() if self._measurer.ready else []
        trainer.grow()  # so that the networks are built now as they are in the update
        ready = self.flush()  # one measurement at a time
        before = self._numbers()
        trainer.step()
        trainer.flag_divergence()
        ready += self._news()  # comes before the frames of this step
        after = self._numbers()
        arms = {label: (arm, before[label], after[label]) for label, arm in trainer.arms.items()}
        x, y = trainer.batch.x.numpy(), trainer.batch.y.numpy()
        self._measurer.ask(Update(trainer.step_count - 1, x, y, arms, trainer.config))
        return ready

    def flush(self) -> list[Item]:
        """Wait for what is being measured; return all frames and events that are left."""
        frames: list[Item] = [self._measurer.frames()] if self._measurer.busy else []
        return frames + self._news()

    def _news(self) -> list[Item]:
        events = self.trainer.events[self._told :]
        self._told = len(self.trainer.events)
        return list(events)

    def _numbers(self) -> dict[str, Numbers]:
        if self._states_of != len(self.trainer.events):  # an event may have changed how a network is built
            self._states = {label: State(learner) for label, learner in self.trainer.learners.items()}
            self._states_of = len(self.trainer.events)
        return {label: state.read() for label, state in self._states.items()}
