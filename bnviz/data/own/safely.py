"""A file that may come from anywhere, prepared in a process of its own, which no file can take along."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from bnviz.data.own.mistake import Mistake
from bnviz.data.own.preparing import About

LONGEST_NAME = 60
"""Letters of a file's name that are shown, the last ones."""
LONGEST_SECONDS = 60.0
"""A file that takes longer is given up."""
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
_one_at_a_time = threading.Lock()
"""Each may take gigabytes for a while."""


@dataclass(frozen=True)
class Own:
    """A set that is ready: the name that a config has for it, and what was made of the file."""

    name: str
    about: About


def prepare(
    path: Path, target: str | None = None, task: str = "auto", *, called: str | None = None,
    longest: float = LONGEST_SECONDS,
) -> Own:  # fmt: skip
    """Prepare a file and keep it on this machine; from any thread, one file at a time.

    target, task: as for `load_file`. called: the file's name for people. Errors: OSError; Mistake.
    """
    open(path, "rb").close()  # what cannot be opened is said as everywhere
    called = "".join(letter for letter in called or path.name if letter.isprintable())[-LONGEST_NAME:]
    command = [sys.executable, "-m", "bnviz.data.own", os.fspath(path), called, json.dumps(target), task]
    try:
        with _one_at_a_time:
            child = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=longest, check=False,
                env={**os.environ, **_ENVIRONMENT},
            )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Mistake(f"{called} took longer than the {longest:g} seconds that are allowed to read it.") from None
    if child.returncode:
        raise Mistake(f"{called} could not be read: it is damaged, or needs too much memory.")
    told = json.loads(child.stdout.splitlines()[-1])
    if "mistake" in told:
        raise Mistake(told["mistake"], told.get("columns", ()))
    return Own(told["name"], About.read(told["about"]))
