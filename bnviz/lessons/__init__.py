"""Lessons: short texts around a run, with questions that the run itself answers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from bnviz.lessons.lesson import Lesson, LessonStep
from bnviz.lessons.question import Answer, Question
from bnviz.lessons.reading import Problem, read

__all__ = ["Answer", "Lesson", "LessonStep", "Problem", "Question", "built_in", "read", "read_folder"]

HERE = Path(__file__).parent
ORDER = ("vanishing", "shift", "explosion", "tiny-batches", "good-start", "high-rate", "landscape", "before")
"""The built-in lessons, each a file of its name; later ones build upon earlier ones."""
MAX_BYTES = 100_000


@cache
def built_in() -> dict[str, Lesson]:
    """The lessons that come with bnviz, by name."""
    found, problems = _read([HERE / f"{name}.md" for name in ORDER])
    assert not problems, problems
    return found


def read_folder(folder: Path) -> tuple[dict[str, Lesson], tuple[str, ...]]:
    """The lessons in a folder's `*.md`, by name, in order of names; and a line for all that is wrong in others.

    Errors: OSError when the folder cannot be read.
    """
    return _read(sorted(path for path in folder.iterdir() if path.suffix == ".md"))


def _read(files: Sequence[Path]) -> tuple[dict[str, Lesson], tuple[str, ...]]:
    lessons: dict[str, Lesson] = {}
    said: list[str] = []
    for path in files:
        try:
            lesson, problems = read(path.stem, _text(path))
        except OSError as error:
            lesson, problems = None, (Problem(1, f"the file cannot be read: {error.strerror}."),)
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            lesson, problems = None, (Problem(line, "this is not UTF-8 text."),)
        if lesson is not None:
            lessons[lesson.name] = lesson
        said += [f"{path}, line {line}: {reason}" for line, reason in problems]
    return lessons, tuple(said)


def _text(path: Path) -> str:
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise OSError(0, f"it is larger than {MAX_BYTES} bytes")
    return raw.decode("utf-8-sig")
