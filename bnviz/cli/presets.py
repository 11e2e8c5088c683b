"""`bnviz presets` lists the named settings."""

from __future__ import annotations

import argparse
from typing import Any

from bnviz.presets import PRESETS


def add(commands: Any) -> None:
    """Add `bnviz presets`."""
    parser = commands.add_parser("presets", help="list the named settings")
    parser.set_defaults(run=_presets)


def _presets(chosen: argparse.Namespace) -> None:
    for name, each in PRESETS.items():
        print(f"{name}\n    {each.title}. {each.source}.\n    {each.look_for}\n")
