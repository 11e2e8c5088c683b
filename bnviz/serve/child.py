"""The process that trains, spoken to by `bnviz.serve.worker`.

It is forked by `bnviz.serve.nursery`, or started as `python -m bnviz.serve.child`.

Commands come in on stdin, a JSON object a line; what a run yields goes out on stdout, an Arrow stream for each run.
When stdin ends, so does the process: a parent that dies, however it dies, leaves nothing behind.
"""

from __future__ import annotations

import os
import sys
from typing import IO, Any

from bnviz.config import RunConfig
from bnviz.frames import Description
from bnviz.recording import Note, StreamWriter
from bnviz.serve.commands import Commands
from bnviz.serve.memory import WANTING, out_of_memory
from bnviz.serve.session import Session
from bnviz.serve.warm_up import warm_up

NICENESS = 5
"""Training gives way to the page and the server where they share its processor; alone it is as fast as ever."""


def serve_runs(warm: bool) -> None:
    """Serve runs until stdin ends. warm: whether all that a run needs is there, from whom this process was forked."""
    # Frames get a private copy of stdout; whatever a library prints goes to stderr.
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # Unbuffered: the lock of a buffer would spoil the process's last words.
    commands = Commands(open(0, "rb", buffering=0))  # noqa: SIM115
    if not warm:
        warm_up(steps=2)
    if hasattr(os, "nice"):  # not on Windows
        os.nice(NICENESS)
    while True:
        command = commands.next(None)
        if command and command["command"] == "start":
            _serve(RunConfig.from_dict(command["config"]), command, commands, sink)


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
        session = Session(trainer, SlowMotion(trainer), writer, commands, start["rest_at"])
        if start["back_to"]:
            session.come_back(**start["back_to"])
        session.loop()
    except (DataUnavailable, ValueError) as error:
        writer.write(Note("failed", str(error)))
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        writer.write(Note("failed", WANTING))
        sys.exit()  # no further run in a process that may have no memory left for it
    writer.write(Note("stopped"))
    writer.close()


if __name__ == "__main__":
    serve_runs(warm=False)
