"""`bnviz` opens the dashboard, `bnviz open` shows recordings on it."""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from bnviz.cli.dask import client_of
from bnviz.cli.lessons import own_lessons
from bnviz.cli.mistakes import UserError

MOST_PROCESSES = 1024


def options(parser: argparse.ArgumentParser) -> None:
    """What `bnviz` takes without a command."""
    parser.set_defaults(run=_dashboard)
    parser.add_argument("--port", type=int, help="port of the dashboard (default: the first free one from 8501)")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--model", metavar="FILE.py:FUNCTION", help="offer your own model: what this function makes")
    parser.add_argument("--recordings", type=Path, metavar="DIR", help="keep recordings of all runs in this folder")
    parser.add_argument("--keep", metavar="SIZE", type=_size, help="keep that much of them, as 500MB or 20GB (4GB)")
    parser.add_argument("--lessons", type=Path, metavar="DIR", help="offer the lessons in this folder, too")
    parser.add_argument("--lan", action="store_true", help="let other machines on the network open the dashboard")
    parser.add_argument("--dask", metavar="ADDRESS",
                        help="train runs on workers of this Dask cluster, such as tcp://scheduler:8786")  # fmt: skip
    parser.add_argument("--url", help="where a proxy offers it, such as https://demo.school.org/bnviz")
    bounds = parser.add_argument_group("what visitors may use together")
    bounds.add_argument("--cores", type=int, help="so many runs train at full speed, more share (default: all cores)")
    bounds.add_argument("--memory", type=float, metavar="GB", help="memory of all runs; one may take half of it, "
                        "and who finds no room waits (default: nine tenths of this machine's)")  # fmt: skip
    bounds.add_argument("--minutes", type=float, help="a run is stopped after this time (default: 60)")
    bounds.add_argument("--sweeps", type=int, metavar="N", help="processes that train the page's sweeps; 0: none are "
                        "trained (default: one a core; none with --lan or --url)")  # fmt: skip
    bounds.add_argument("--viewers", type=int, help="so many pages watch at once (default: 500)")


def add(commands: Any) -> None:
    """Add `bnviz open`."""
    parser = commands.add_parser("open", help="show recordings on the page, and follow those still being written")
    parser.set_defaults(run=_open)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--overlay", action="store_true", help="lay two recordings over each other, on common axes")


def _size(text: str) -> int:
    """Bytes of a size such as 500MB."""
    match = re.fullmatch(r"(\d{1,6}(?:\.\d+)?) ?([MGT])B", text.strip(), re.IGNORECASE)
    size = 0 if match is None else int(float(match[1]) * {"M": 10**6, "G": 10**9, "T": 10**12}[match[2].upper()])
    if size < 10**6:
        raise argparse.ArgumentTypeError(f"must be a size from 1MB on, such as 500MB or 20GB, got {text!r}.")
    return size


def _dashboard(chosen: argparse.Namespace, query: str = "") -> None:
    if chosen.port is not None and not 1 <= chosen.port <= 65535:
        raise UserError(f"port must be a whole number from 1 to 65535, got {chosen.port}.")
    if chosen.sweeps is not None and not 0 <= chosen.sweeps <= MOST_PROCESSES:
        raise UserError(f"sweeps must be a whole number from 0 to {MOST_PROCESSES}, got {chosen.sweeps}.")
    from bnviz.serve.admission.limits import Limits
    from bnviz.serve.app import make_app
    from bnviz.serve.launch import Place, serve
    from bnviz.serve.own_model import own_model
    from bnviz.serve.shared import server
    from bnviz.serve.shelf import Shelf
    from bnviz.ui import PAGE

    given = {name: getattr(chosen, name) for name in ("cores", "memory", "minutes", "viewers")}
    server().hub.admission.limits = Limits(**{name: each for name, each in given.items() if each is not None})
    if chosen.dask is not None:
        _lead(chosen)
    if chosen.recordings is not None:
        if chosen.recordings.exists() and not chosen.recordings.is_dir():
            raise UserError(f"--recordings must be a folder, got the file {chosen.recordings}.")
        server().hub.shelf = Shelf(chosen.recordings.absolute())
    if chosen.keep is not None:
        server().hub.shelf.most_bytes = chosen.keep
    if chosen.lessons is not None:
        own = own_lessons(chosen.lessons)
        server().lessons = own | server().lessons | own  # first, and in the place of those of the same name
    if chosen.model is not None:
        server().hub.own_model = model = own_model(chosen.model)
        if not model.fits:
            print(f"{model.title}: {model.problem}", file=sys.stderr)
    behind = None if chosen.url is None else Place.of(chosen.url)
    serve(
        make_app(PAGE), port=chosen.port, lan=chosen.lan, browser=not chosen.no_browser, query=query, behind=behind,
        sweeps=chosen.sweeps,
    )  # fmt: skip


def _lead(chosen: argparse.Namespace) -> None:
    """Have runs trained on a cluster; its cores and memory are what there is, unless bounds were given."""
    from bnviz.serve.cluster import Cluster
    from bnviz.serve.shared import server

    if chosen.model is not None:
        raise UserError("--model names a file of this machine, which the workers of --dask do not have: leave one out.")
    cluster = client_of(chosen.dask, Cluster)
    threads = cluster.threads
    if not threads:
        raise UserError(f"The cluster at {chosen.dask} has no workers: start some with dask worker {chosen.dask}.")
    hub = server().hub
    hub.pool.make = cluster.worker
    given = hub.admission.limits
    hub.admission.limits = replace(
        given, elsewhere=True, cores=chosen.cores or sum(threads.values()), memory=given.memory or cluster.memory / 1e9
    )


def _open(chosen: argparse.Namespace) -> None:
    from bnviz.serve.follow import Followed, opened
    from bnviz.serve.overlay import overlay
    from bnviz.serve.shared import server

    if chosen.overlay and len(chosen.files) != 2:
        raise UserError(f"--overlay takes two recordings, got {len(chosen.files)}.")
    hub = server().hub
    for file in chosen.files:
        hub.opened.append(opened(file))
        hub.add(hub.opened[-1])
        if hub.opened[-1].text and not isinstance(hub.opened[-1], Followed):
            print(f"{file}: {hub.opened[-1].text}", file=sys.stderr)
        if len(chosen.files) > 1:
            print(f"{file}: ?run={hub.opened[-1].id}")
    front = hub.opened[0]
    if chosen.overlay:
        one, other = ((file.stem, each.recording) for file, each in zip(chosen.files, hub.opened, strict=True))
        front = overlay(one, other)
        hub.add(front)
        if front.text:
            print(front.text)
    hub.front = front.id
    _dashboard(chosen, f"?run={front.id}")
