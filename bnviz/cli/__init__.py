"""The `bnviz` command, a module for each of its commands. Users' mistakes: one clear line, and exit status 2."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from bnviz.cli import check, compare, dashboard, doctor, export, gallery, lessons, lint, presets, run, sweep
from bnviz.cli.mistakes import UserError

# The dashboard needs Streamlit and training needs torch, seconds each: every command imports only its own.

COMMANDS = (run, sweep, compare, lint, export, gallery, dashboard, check, doctor, presets, lessons)
"""In the order in which `--help` lists them; each adds itself to the parser."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see {self.prog} --help)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status: 0, 1 if a check fails, 2 for a user's mistake, 130 when interrupted."""
    try:
        chosen = _parser().parse_args(arguments)
        status: int | None = chosen.run(chosen)
    except (UserError, ValueError, OSError) as error:
        print(f"bnviz: {_one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return status or 0


def _one_line(error: Exception) -> str:
    text = f"{error.filename}: {error.strerror}." if isinstance(error, OSError) and error.filename else str(error)
    return " ".join(text.split())


def _parser() -> argparse.ArgumentParser:
    parser = _Parser("bnviz", description="Watch what normalization does to a neural network, live.")
    dashboard.options(parser)
    commands = parser.add_subparsers(title="commands", metavar="")
    for command in COMMANDS:
        command.add(commands)
    return parser
