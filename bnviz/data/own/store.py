"""Sets of somebody's own, prepared and kept on this machine: a file each, by the name that a config has for it.

In the folder `BNVIZ_DATA`, else in the user's cache; what was not used for longest goes when there are too many.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from bnviz.config.own import data_set, own_name
from bnviz.data.own.preparing import About, Prepared
from bnviz.data.parts import Array, Data, DataUnavailable, as_tensors

MAX_BYTES = 1_000_000_000
"""Of all sets together."""
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, BadZipFile)
"""What a file raises that is not there, or was cut short."""
_VERSION = b"1"
"""Of how sets are prepared: another way makes other names."""


def folder() -> Path:
    """Where sets are kept."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("BNVIZ_DATA") or Path(cache) / "bnviz" / "data")


def save(prepared: Prepared, raw: bytes) -> str:
    """Keep a set made of a file with these bytes; its name, the same for the same bytes, target and task."""
    about = prepared.about
    asked = b"\0".join([_VERSION, hashlib.sha256(raw).digest(), about.target.encode(), about.task.encode()])
    name = own_name(hashlib.sha256(asked).hexdigest()[:16], prepared.data)
    (x_train, y_train), (x_test, y_test) = prepared.train, prepared.test
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = folder() / f"{name}.{os.getpid()}.unfinished"
    try:
        with unfinished.open("wb") as file:
            told = np.array(json.dumps(asdict(about)))
            np.savez(file, about=told, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
        unfinished.replace(_file(name))  # in one go, so that another process finds all or nothing
    finally:
        unfinished.unlink(missing_ok=True)
    _make_room(name)
    return name


def about(name: str) -> About | None:
    """What is known of a set beside its name; None when it is not on this machine."""
    file = _file(name)
    try:
        with file.open("rb") as raw, np.load(raw, allow_pickle=False) as arrays:
            told = json.loads(str(arrays["about"]))
    except _UNREADABLE:
        return None
    return About.read(told)


def load(name: str) -> Data:
    """The set of this name. Errors: DataUnavailable when it is not on this machine."""
    file = _file(name)
    parts: dict[str, Array]
    try:
        with file.open("rb") as raw, np.load(raw, allow_pickle=False) as arrays:
            parts = {key: arrays[key] for key in ("x_train", "y_train", "x_test", "y_test")}
        file.touch()  # the newest is the last to go
    except _UNREADABLE:
        raise DataUnavailable(
            "These settings are for somebody's own file, which is not on this machine: add the same file under Data, "
            "with the same target, or choose another data set."
        ) from None
    train, test = (parts["x_train"], parts["y_train"]), (parts["x_test"], parts["y_test"])
    return as_tensors(train, test, data_set(name).classes)


def _file(name: str) -> Path:
    data_set(name)  # nothing but such a name is ever part of a path
    return folder() / f"{name}.npz"


def _make_room(newest: str) -> None:
    """Remove what was not used for longest, until the rest is small enough; never the newest."""
    files = []
    for file in folder().glob("own-*"):
        with suppress(OSError):  # another process is at it too
            files.append((file.stat().st_mtime, file.stat().st_size, file))
    total = sum(size for _, size, _ in files)
    for _, size, file in sorted(files):
        if total <= MAX_BYTES:
            return
        if file != _file(newest):
            with suppress(OSError):
                file.unlink()
                total -= size
