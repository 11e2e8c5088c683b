"""`bnviz lessons` lists the lessons, and what can be asked in one; or checks those of a folder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bnviz.cli.mistakes import UserError

if TYPE_CHECKING:
    from bnviz.lessons import Lesson


def add(commands: Any) -> None:
    """Add `bnviz lessons`."""
    parser = commands.add_parser("lessons", help="list the lessons, or check those that you have written")
    parser.set_defaults(run=_lessons)
    parser.add_argument("folder", type=Path, nargs="?", metavar="DIR", help="a folder with lessons of your own, *.md")


def own_lessons(folder: Path) -> dict[str, Lesson]:
    """The lessons in a folder; what is wrong in others is said on stderr, a line each.

    Errors: UserError where none of them can be offered; OSError where there is no such folder.
    """
    from bnviz.lessons import read_folder

    lessons, problems = read_folder(folder)
    for problem in problems:
        print(problem, file=sys.stderr)
    if not lessons:
        raise UserError(f"{folder} holds no lesson that can be offered: a lesson is a file *.md as the README shows.")
    return lessons


def _lessons(chosen: argparse.Namespace) -> int:
    from bnviz.lessons import built_in, read_folder
    from bnviz.lessons.kinds import KINDS

    if chosen.folder is None:
        _list(built_in())
        print("Questions that a run can answer (answer: NAME NETWORKS):\n")
        for name, kind in KINDS.items():
            print(f"{name}\n    {kind.title} {kind.about}")
        return 0
    lessons, problems = read_folder(chosen.folder)
    for problem in problems:
        print(problem, file=sys.stderr)
    if not lessons and not problems:
        raise UserError(f"{chosen.folder} holds no file *.md.")
    _list(lessons)
    return 1 if problems else 0


def _list(lessons: dict[str, Lesson]) -> None:
    for name, each in lessons.items():
        print(f"{name}\n    {each.title}: {len(each.steps)} steps, {each.questions} questions.\n    {each.about}\n")
