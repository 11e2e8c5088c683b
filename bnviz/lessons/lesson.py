"""A lesson: steps to read, predict and watch, over settings that the lesson knows beforehand."""

from __future__ import annotations

from dataclasses import dataclass

from bnviz.config import RunConfig
from bnviz.lessons.prose import Block
from bnviz.lessons.question import Question


@dataclass(frozen=True)
class LessonStep:
    """What is read at once, with or without a question, and the settings under which it is watched."""

    heading: str
    text: tuple[Block, ...]
    config: RunConfig
    """The settings from here on: those of the steps before, and what this step changes. `steps` is where the run ends,
    and a question is answered."""
    hide: frozenset[str] = frozenset()
    """What of the page is hidden, as in `hiding.NAMES`."""
    tab: str = ""
    """The tab that is opened; empty: the one that is open stays."""
    question: Question | None = None


@dataclass(frozen=True)
class Lesson:
    """A lesson, as it was read from its file."""

    name: str
    """In links: the name of its file."""
    title: str
    about: str
    """What it is about, for whoever chooses one."""
    config: RunConfig
    """What it starts with."""
    preset: str
    """The name of the preset that its settings come from; empty: none."""
    steps: tuple[LessonStep, ...]

    @property
    def questions(self) -> int:
        """How many questions it asks."""
        return sum(step.question is not None for step in self.steps)
