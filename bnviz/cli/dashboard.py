"""`bnviz` opens the dashboard, `bnviz open` shows recordings on it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from bnviz.cli.mistakes import UserError


def options(parser: argparse.ArgumentParser) -> None:
    """What `bnviz` takes without a command."""
    parser.set_defaults(run=_dashboard)
    parser.add_argument("--port", type=int, help="port of the dashboard (default: the first free one from 8501)")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--model", metavar="FILE.py:FUNCTION", help="offer your own model: what this function makes")
    parser.add_argument("--lan", action="store_true", help="let other machines on the network open the dashboard")


def add(commands: Any) -> None:
    """Add `bnviz open`."""
    parser = commands.add_parser("open", help="show recordings on the page, and follow those still being written")
    parser.set_defaults(run=_open)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")


def _dashboard(chosen: argparse.Namespace, query: str = "") -> None:
    if chosen.port is not None and not 1 <= chosen.port <= 65535:
        raise UserError(f"port must be a whole number from 1 to 65535, got {chosen.port}.")
    from bnviz.serve.app import make_app  # noqa: PLC0415
    from bnviz.serve.launch import serve  # noqa: PLC0415
    from bnviz.serve.own_model import own_model  # noqa: PLC0415
    from bnviz.serve.shared import server  # noqa: PLC0415
    from bnviz.ui import PAGE  # noqa: PLC0415

    if chosen.model is not None:
        server().hub.own_model = model = own_model(chosen.model)
        if not model.fits:
            print(f"{model.title}: {model.problem}", file=sys.stderr)
    serve(make_app(PAGE), port=chosen.port, lan=chosen.lan, browser=not chosen.no_browser, query=query)


def _open(chosen: argparse.Namespace) -> None:
    from bnviz.recording import load_safely  # noqa: PLC0415
    from bnviz.serve.follow import Followed, still_written  # noqa: PLC0415
    from bnviz.serve.shared import server  # noqa: PLC0415
    from bnviz.source import Kept  # noqa: PLC0415

    opened: list[Kept] = []
    for file in chosen.files:
        awaited = file.is_file() and not file.stat().st_size and still_written(file)
        recording = None if awaited else load_safely(file)
        damage = "" if recording is None else recording.damage
        if recording is None or (not damage and still_written(file)):
            opened.append(Followed(recording, file))
        else:
            opened.append(Kept(recording, file, damage))
        server().hub.add(opened[-1])
        if damage:
            print(f"{file}: {damage}", file=sys.stderr)
        if len(chosen.files) > 1:
            print(f"{file}: ?run={opened[-1].id}")
    server().hub.front = opened[0].id
    _dashboard(chosen, f"?run={opened[0].id}")
