"""How far a visitor is in a lesson, and what was predicted: all of it is in the link."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bnviz.config import RunConfig
from bnviz.lessons.lesson import Lesson, LessonStep

SKIPPED = -1
"""What is said by who wants to see without predicting."""
_SAID = re.compile(r"(\d{1,2})([a-i-])")


@dataclass(frozen=True)
class Progress:
    """A place in a lesson. at: the step at hand, from 0; said: the option predicted at each step that asked."""

    lesson: Lesson
    at: int = 0
    said: Mapping[int, int] = field(default_factory=dict)

    @property
    def step(self) -> LessonStep:
        """The step at hand."""
        return self.lesson.steps[self.at]

    @property
    def open(self) -> bool:
        """Whether the step at hand asks and nothing was said yet."""
        return self.step.question is not None and self.at not in self.said

    @property
    def waits(self) -> bool:
        """Whether a run that starts now waits at its first step: a first prediction is still to come."""
        return not self.said and any(step.question for step in self.lesson.steps[self.at :])

    @property
    def config(self) -> RunConfig:
        """The settings of the step at hand; while its question is open, those of the step before."""
        if not self.open:
            return self.step.config
        return self.lesson.steps[self.at - 1].config if self.at else self.lesson.config

    @property
    def ended(self) -> bool:
        """Whether nothing comes after the step at hand."""
        return self.at == len(self.lesson.steps) - 1 and not self.open

    def moved(self, by: int) -> Progress:
        """Some steps on, or back; who goes on from an open question sees the answer first, without a prediction."""
        if by > 0 and self.open:
            return self.saying(SKIPPED)
        return replace(self, at=min(max(0, self.at + by), len(self.lesson.steps) - 1))

    def saying(self, option: int) -> Progress:
        """With a prediction, the first that counts; what is no option of an open question changes nothing."""
        question = self.step.question
        if not self.open or question is None or not SKIPPED <= option < len(question.options(self.step.config)):
            return self
        return replace(self, said={**self.said, self.at: option})

    def to_dict(self) -> dict[str, str]:
        """Its part of the link, such as `{"lesson": name, "at": "3", "said": "1b3-"}`: a letter is an option."""
        said = "".join(f"{at + 1}{_letter(option)}" for at, option in self.said.items())
        return {"lesson": self.lesson.name, "at": str(self.at + 1)} | ({"said": said} if said else {})


def _letter(option: int) -> str:
    return "-" if option == SKIPPED else chr(ord("a") + option)


def restored(lesson: Lesson, link: Mapping[str, str]) -> Progress:
    """The place that a link tells; what is wrong in it is passed over."""
    progress = Progress(lesson)
    for at, letter in _SAID.findall(link.get("said", "")):
        if 1 <= int(at) <= len(lesson.steps):
            there = replace(progress, at=int(at) - 1)
            progress = there.saying(SKIPPED if letter == "-" else ord(letter) - ord("a"))
    at = link.get("at", "1")
    last = len(lesson.steps)
    return replace(progress, at=min(max(1, int(at)), last) - 1 if at.isdecimal() and len(at) < 4 else 0)
