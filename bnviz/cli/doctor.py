"""`bnviz doctor` looks whether all that bnviz needs is there, and prints what a bug report needs."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "bnviz", "torch", "numpy", "pyarrow", "pandas", "scikit-learn", "streamlit", "starlette", "uvicorn", "plotly",
)  # fmt: skip
ROOM = 2**30
"""Bytes that should be free where recordings are kept."""
PATIENCE = 120.0
"""Seconds within which a worker has to say its first frame."""


class Trouble(Exception):
    """Something does not work; the message says what can be done."""


def add(commands: Any) -> None:
    """Add `bnviz doctor`."""
    parser = commands.add_parser("doctor", help="look whether all that is needed is there, for a report")
    parser.set_defaults(run=_doctor)


def _doctor(chosen: argparse.Namespace) -> int:
    looks: dict[str, Callable[[], str]] = {
        "versions": _versions, "system": _system, "threads": _threads, "settings": _settings,
        "port": _port, "recordings": _recordings, "own data": _own_data, "worker": _worker,
    }  # fmt: skip
    healthy = True
    for name, look in looks.items():
        try:
            told, good = look(), True
        except Exception as error:  # noqa: BLE001  whatever is wrong with a machine is what we are here to say
            told, good = f"{error or type(error).__name__}", False
        healthy &= good
        print(f"{name:<12}{'ok' if good else 'NO':<4}{_at_home(' '.join(told.split()))}", flush=True)
    print("All is well." if healthy else "Something is missing: see the lines with NO.")
    return 0 if healthy else 1


def _at_home(text: str) -> str:
    """Without the user's name, where it stands in paths."""
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 1 else text


def _versions() -> str:
    found, missing = [f"Python {platform.python_version()}"], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        raise Trouble(f"not installed: {', '.join(missing)}. Install bnviz anew: pip install bnviz.")
    return ", ".join(found)


def _system() -> str:
    from bnviz.serve.admission import memory
    from bnviz.serve.admission.limits import cores_here

    return (
        f"{platform.platform()}, {platform.machine()}, {os.cpu_count()} cores, {cores_here()} of them for us, "
        f"{_gigabytes(memory.total())} of memory, {_gigabytes(memory.available())} of it free"
    )


def _gigabytes(count: float) -> str:
    return f"{count / 2**30:.1f} GB"


def _threads() -> str:
    import torch

    return f"torch would use {torch.get_num_threads()} here, and uses 1 in each worker"


def _settings() -> str:
    """What may change how the page is served: files that Streamlit reads, and names (never values) of variables."""
    files = [Path.home() / ".streamlit" / "config.toml", Path.cwd() / ".streamlit" / "config.toml"]
    there = sorted({str(path.resolve()) for path in files if path.exists()})
    names = sorted(name for name in os.environ if name.startswith(("BNVIZ_", "STREAMLIT_", "OMP_", "MKL_")))
    return f"Streamlit's files: {', '.join(there) or 'none'}; variables: {', '.join(names) or 'none'}"


def _port() -> str:
    from bnviz.serve.launch import free_port

    return f"{free_port(None, lan=False)} on 127.0.0.1 is free"


def _recordings() -> str:
    from bnviz.serve.shelf import Shelf

    return _folder(Shelf().folder)


def _own_data() -> str:
    from bnviz.data.own import store

    return _folder(store.folder())


def _folder(folder: Path) -> str:
    """Whether a folder, which may not be there yet, can be written to."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    with tempfile.TemporaryFile(dir=there) as file:
        file.write(b"bnviz")
    free = shutil.disk_usage(there).free
    if free < ROOM:
        raise Trouble(f"{folder} has {_gigabytes(free)} left; runs are kept there: {_gigabytes(ROOM)} should be free.")
    return f"{folder} can be written to, {_gigabytes(free)} free"


def _worker() -> str:
    """Start a process as the page does, and wait for what it measures first."""
    from threading import Timer

    from bnviz.config import RunConfig
    from bnviz.serve.worker import Worker

    started, worker = time.monotonic(), Worker()
    timer = Timer(PATIENCE, worker.process.kill)
    timer.daemon = True
    timer.start()
    try:
        for item in worker.run(RunConfig(depth=2, width=8, steps=1)):
            if isinstance(item, tuple):
                return f"{sys.executable} said its first frame after {time.monotonic() - started:.1f} s"
        raise Trouble(f"it ended before its first frame: {worker.last_words()}.")
    finally:
        timer.cancel()
        worker.close()
