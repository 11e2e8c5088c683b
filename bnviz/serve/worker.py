"""Both ends of one pipe: the child that trains (`python -m bnviz.serve.worker`) and the parent's handle on it.

The parent writes commands, a JSON object a line, to the child's stdin; the child writes what `StreamWriter`
writes to its stdout: one Arrow stream for each run it is asked for, one after another. When stdin ends, so does
the child: a parent that dies, however it dies, leaves nothing behind.
"""

from __future__ import annotations

import gc
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Literal

from bnviz.config import RunConfig, parse_field
from bnviz.frames import Event, Frame
from bnviz.recording import Note, StreamReader, StreamWriter

if TYPE_CHECKING:
    from bnviz.training import Item, Trainer
    from bnviz.training.elsewhere import Measurer, Recorder

Command = Literal["start", "play", "pause", "step", "change", "fork", "pace", "stop"]
WATCHABLE = 0.02
"""Steps that take at least so many seconds are measured each."""
CHILD_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    # Or glibc gives the memory of large tensors back after each use, and the kernel clears it anew for the next.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(128 * 2**20),
}
_PARSE: dict[str, Callable[[str], Any]] = {
    "normalization": str,
    "noise": lambda text: text == "True",
    "learning_rate": lambda text: None if text == "None" else float(text),
}


class Worker:
    """A child process that trains one run after another, one at a time."""

    def __init__(self) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bnviz.serve.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, **CHILD_ENVIRONMENT},
        )
        self._lock = threading.Lock()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the child still runs."""
        return self._process.poll() is None

    def send(self, command: Command, **values: Any) -> None:
        """Send a command; one to a child that is gone is lost."""
        line = json.dumps({"command": command, **values}) + "\n"
        stdin = self._process.stdin
        assert stdin is not None
        try:
            with self._lock:
                stdin.write(line.encode())
                stdin.flush()
        except (BrokenPipeError, ValueError):
            return  # the reader of items() sees the end and reports it

    def run(self, config: RunConfig) -> Iterator[tuple[Frame, ...] | Event | Note]:
        """Start a run and yield what the child measures and says, until the run has stopped or the child is gone.

        The last item is a note `stopped` when the child is ready for another run; without it, the child died.
        """
        self.send("start", config=config.to_dict())
        assert self._process.stdout is not None
        try:
            yield from StreamReader(self._process.stdout)
        except ValueError:
            return  # not even a header came

    def close(self) -> None:
        """End the child: at once when it is busy, for it reads no command then."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue  # what was still to be flushed has nobody to read it

    def last_words(self) -> str:
        """How the child ended."""
        return last_words(self._process, self._errors)


def last_words(process: subprocess.Popen[bytes], errors: IO[bytes]) -> str:
    """How a process ended: the last line it wrote to stderr (kept in a file), or the signal that killed it."""
    code = process.wait()
    if code < 0:
        return f"its process was killed (signal {-code})"
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"its process ended with status {code}"


class _Commands:
    """Commands as they arrive on stdin; the end of stdin ends the process."""

    def __init__(self, source: IO[bytes]) -> None:
        self._queue: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._read, args=(source,), daemon=True).start()

    def _read(self, source: IO[bytes]) -> None:
        for line in source:
            self._queue.put(json.loads(line))
        os._exit(0)

    def next(self, timeout: float | None) -> dict[str, Any] | None:
        """The next command; None when none has come within `timeout` seconds (None: wait for ever)."""
        try:
            return self._queue.get(timeout != 0, timeout or None)
        except queue.Empty:
            return None


@dataclass
class _Session:
    """One run in the child."""

    recorder: Recorder
    writer: StreamWriter
    commands: _Commands
    paused: bool = False
    interval: float = 0.0  # seconds a step has to take at least; 0: full speed
    status: str = ""

    @property
    def trainer(self) -> Trainer:
        return self.recorder.trainer

    def loop(self) -> None:
        """Train, and follow commands, until told to stop."""
        while True:
            resting = self.paused or self.trainer.finished
            if resting:
                self._write(self.recorder.flush())
            self._say_status()
            deadline = time.monotonic() + self.interval
            command = self.commands.next(None if resting else 0)
            while command is not None:
                if command["command"] == "stop":
                    return
                self._obey(**command)
                resting = self.paused or self.trainer.finished
                command = self.commands.next(0)
            if not resting:
                self._write(self.recorder.step(self.trainer.due or self.interval > WATCHABLE))
                if self.interval:
                    self._write(self.recorder.flush())
                    self._wait_until(deadline)

    def _wait_until(self, deadline: float) -> None:
        while (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, 0.05))

    def _measured_step(self) -> None:
        self._write(self.recorder.step(measure=True))
        self._write(self.recorder.flush())

    def _write(self, items: Iterable[Item]) -> None:
        for item in items:
            self.writer.write(item)

    def _say_status(self) -> None:
        status = "finished" if self.trainer.finished else "paused" if self.paused else "running"
        if status != self.status:
            self.status = status
            self.writer.write(Note(status, value=self.trainer.step_count))

    def _obey(self, command: Command, **values: Any) -> None:
        try:
            if command == "play":
                self.paused = False
                self._extend_when_finished()
            elif command == "pause" and not (self.paused or self.trainer.finished):
                self.paused = True
                self._measured_step()  # what is shown while paused is where the networks are
            elif command == "step":
                self.paused = True
                self._extend_when_finished(by=1)
                self._measured_step()
            elif command == "pace":
                self.interval = float(values["interval"])
            elif command in ("change", "fork"):
                self._change(command, values.get("arm"), values["fields"])
        except ValueError as error:
            self.writer.write(Note("problem", str(error)))

    def _extend_when_finished(self, by: int | None = None) -> None:
        trainer = self.trainer
        if trainer.finished:
            trainer.change(steps=trainer.step_count + (by or trainer.round))

    def _change(self, command: str, arm: str | None, texts: dict[str, str]) -> None:
        if arm is None:
            self.trainer.change(**{name: parse_field(name, text) for name, text in texts.items()})
        else:
            fields = {name: _PARSE[name](text) for name, text in texts.items()}
            act = self.trainer.change if command == "change" else self.trainer.fork
            act(arm, **fields)
        self._write(self.recorder.flush())


def main() -> None:
    """Serve runs until stdin ends."""
    # Frames get a private copy of stdout; whatever a library prints goes to stderr.
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    measurer = _measurer(sink)
    # A thread, so not before the fork. Unbuffered: the lock of a buffer would spoil the process's last words.
    commands = _Commands(open(0, "rb", buffering=0))  # noqa: SIM115
    _warm_up(measurer)
    while True:
        command = commands.next(None)
        if command and command["command"] == "start":
            _serve(RunConfig.from_dict(command["config"]), measurer, commands, sink)


def _measurer(sink: IO[bytes]) -> Measurer:
    import torch  # noqa: PLC0415  after stdout is safe, and never in the server

    from bnviz.training.elsewhere import Measurer  # noqa: PLC0415

    torch.set_num_threads(1)
    gc.freeze()  # what is imported stays: the collector need not look at it, nor unshare it after the fork
    return Measurer(inherited=(sink,))


def _warm_up(measurer: Measurer) -> None:
    """Touch what a run needs, so that the first frame of the first run comes at once."""
    from bnviz.training import Trainer  # noqa: PLC0415
    from bnviz.training.elsewhere import Recorder  # noqa: PLC0415

    recorder = Recorder(Trainer(RunConfig(depth=2, width=4)), measurer)
    for _ in range(2):
        recorder.step(measure=True)
    recorder.flush()


def _serve(config: RunConfig, measurer: Measurer, commands: _Commands, sink: IO[bytes]) -> None:
    from bnviz.data import DataUnavailable  # noqa: PLC0415
    from bnviz.training import Trainer  # noqa: PLC0415
    from bnviz.training.elsewhere import MeasuringEnded, Recorder  # noqa: PLC0415

    writer = StreamWriter(sink, config)
    writer.write(Note("starting"))
    try:
        trainer = Trainer(config, progress=lambda text, share: writer.write(Note("progress", text, share)))
        _Session(Recorder(trainer, measurer), writer, commands).loop()
    except (DataUnavailable, ValueError) as error:
        writer.write(Note("failed", str(error)))
    except MeasuringEnded as error:
        writer.write(Note("failed", f"Training ended early: {error}. All frames so far are kept."))
        raise SystemExit(str(error)) from error
    writer.write(Note("stopped"))
    writer.close()


if __name__ == "__main__":
    main()
