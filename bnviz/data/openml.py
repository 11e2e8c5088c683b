"""Image sets of openml.org: downloaded by scikit-learn on first use, then kept ready to read."""

from __future__ import annotations

import http.client
import os
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from math import nan
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

import numpy as np
from numpy.typing import NDArray

from bnviz.config import CATALOG
from bnviz.config.catalog import OpenML
from bnviz.data.parts import DataUnavailable

Progress = Callable[[str, float], None]

TIMEOUT = 10.0
"""Seconds to wait for the server each time, not for the whole download."""


def images_and_labels(name: str, progress: Progress) -> tuple[NDArray[Any], NDArray[Any]]:
    """All images, uint8 [n, C, H, W], and labels, int64 [n], in the order of openml.org: training part first.

    Kept in scikit-learn's data folder (`SCIKIT_LEARN_DATA`, or `scikit_learn_data` in the home folder).
    `progress` hears a sentence and the share done, from 0 to 1 (NaN: unknown), from the calling thread; what
    it raises leaves the download behind.

    Errors: DataUnavailable, soon, when the set is not there and cannot be downloaded.
    """
    # Imported here because it takes 1 s, which the sets without a download need not wait for.
    from sklearn.datasets import get_data_home

    title, shape, source = CATALOG[name].title, CATALOG[name].shape, CATALOG[name].openml
    assert source is not None
    try:
        home = Path(get_data_home())
        parsed = home / "bnviz" / f"{name}.npz"
        if not parsed.exists():
            _while_telling(lambda: _fetch(source, shape, parsed), title, source, home, progress)
    except (OSError, http.client.HTTPException, EOFError, ValueError, LookupError) as error:
        raise DataUnavailable(_sentence(title, error)) from error
    progress(f"{title} is on this machine.", 1.0)
    with np.load(parsed) as arrays:
        return arrays["images"], arrays["labels"]


def _sentence(title: str, error: Exception) -> str:
    reason = error.reason if isinstance(error, URLError) else error
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    text = f"HTTP {error.code} {text}" if isinstance(error, HTTPError) else text
    network = isinstance(error, (URLError, TimeoutError, ConnectionError, http.client.HTTPException))
    what = "this machine could not reach it" if network else "that did not work on this machine"
    return (
        f"{title} is downloaded from openml.org on first use, and {what} ({text.rstrip('.')}); "
        f"the data set digits needs no download and can be used instead."
    )


def _fetch(source: OpenML, shape: tuple[int, ...], parsed: Path) -> None:
    """Download a set and write it to `parsed`: that is read in 0.1 s, openml.org's text in many."""
    from sklearn.datasets import fetch_openml

    pixels = int(np.prod(shape))
    dtypes = {**dict.fromkeys(range(pixels), np.float32), pixels: str}  # the default takes twice the memory
    with _socket_timeout(TIMEOUT), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it tries again; when that fails too, DataUnavailable says so
        found = fetch_openml(
            source.name, version=1, as_frame=False, parser="pandas", n_retries=1, delay=0.1,
            read_csv_kwargs={"dtype": dtypes},
        )  # fmt: skip
    parsed.parent.mkdir(exist_ok=True)
    unfinished = parsed.with_suffix(f".{os.getpid()}.npz")
    images = found.data.reshape(-1, *shape).astype(np.uint8)
    labels = np.char.strip(found.target.astype(str), "'").astype(np.int64)  # ARFF may quote them
    np.savez(unfinished, images=images, labels=labels)
    unfinished.replace(parsed)  # in one go, so that another process finds all or nothing


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)  # fetch_openml has no parameter for it
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _while_telling(work: Callable[[], None], title: str, source: OpenML, home: Path, progress: Progress) -> None:
    """Do `work` in a thread and tell twice a second how far it is."""
    done: Future[None] = Future()

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 (raised again by done.result())
            done.set_exception(error)
        else:
            done.set_result(None)

    started = time.time()
    progress(f"Downloading {title} (about {source.megabytes} MB) from openml.org ...", nan)
    threading.Thread(target=run, daemon=True).start()
    while not wait([done], timeout=0.5).done:
        progress(*_how_far(title, source, home, started))
    done.result()


def _how_far(title: str, source: OpenML, home: Path, started: float) -> tuple[str, float]:
    """A sentence and the share done, from the file that scikit-learn is writing."""
    total, seconds = source.megabytes, f"{time.time() - started:.0f} s"
    stem = source.name.lower()
    with suppress(OSError):  # files move while we look
        files = [file for file in (home / "openml").rglob("*.gz") if file.name.lower().startswith(stem)]
        if any(not file.parent.name.startswith("tmp") for file in files):
            return f"Unpacking {title}, {seconds} ...", nan
        stats = [file.stat() for file in files]
        sizes = [stat.st_size / 1e6 for stat in stats if stat.st_mtime >= started]  # older: a download cut short
        if sizes:
            share = min(max(sizes) / total, 0.99)
            return (
                f"Downloading {title} from openml.org: {max(sizes):.0f} of about {total} MB, {seconds}",
                share,
            )
    return f"Still waiting for {title} from openml.org, {seconds} ...", nan
