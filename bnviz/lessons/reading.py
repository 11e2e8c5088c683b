"""A lesson's file, read line by line: what is wrong is named with its line, all of it at once.

title: Why deep sigmoid nets do not learn
about: One line for whoever chooses a lesson.
preset: sigmoid-depth
steps: 300
hide: advanced, seed

## Two networks
Text in Markdown: paragraphs, lists, **bold**, *italics* and `code`.
ask: Which network will learn?
answer: learns none, batch
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import NamedTuple

from bnviz.charts import TABS
from bnviz.config import SETTINGS, RunConfig, parse_field
from bnviz.lessons import prose
from bnviz.lessons.hiding import hidden
from bnviz.lessons.lesson import Lesson, LessonStep
from bnviz.lessons.question import Question, asked
from bnviz.presets import preset

HEAD = ("title", "about", "preset", "hide", "tab", *SETTINGS)
"""What the lines before the first heading may say."""
IN_STEP = ("ask", "answer", "hide", "tab", *SETTINGS)
"""What a step may say beside its text."""
MAX_STEPS, MAX_LETTERS, MAX_LINES = 12, 600, 1000
"""A step is read at a glance, with the charts in sight below it."""
_FIELD = re.compile(r"([a-z_]+):(?:\s+(.*))?")


class Problem(NamedTuple):
    """What is wrong with a line."""

    line: int
    reason: str


class Line(NamedTuple):
    """A line that says something by name."""

    number: int
    name: str
    value: str


@dataclass
class Section:
    """The head of a file, or a step, as it is written."""

    number: int
    heading: str
    lines: dict[str, Line] = field(default_factory=dict)
    text: list[tuple[int, str]] = field(default_factory=list)


def read(name: str, text: str) -> tuple[Lesson | None, tuple[Problem, ...]]:
    """The lesson, or None and all that is wrong with it, in order of lines."""
    reader = _Reader()
    lesson = reader.lesson(name, text)
    problems = tuple(sorted(set(reader.problems)))
    return (None if problems else lesson), problems


class _Reader:
    """Reads a file, and notes what is wrong."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def wrong(self, line: int, reason: str) -> None:
        self.problems.append(Problem(line, reason))

    def lesson(self, name: str, text: str) -> Lesson | None:
        head, *sections = self.sections(text)
        for number, line in head.text:
            self.wrong(number, f"text comes after a heading (## ...); before it: name: value, got {line[:40]!r}.")
        told = {each: self.required(head, each) for each in ("title", "about")}
        config = self.configured(head, self.base(head))
        hide, tab = self.hide(head, frozenset()), self.tab(head)
        steps: list[LessonStep] = []
        for section in sections:
            before = steps[-1] if steps else LessonStep("", (), config, hide)
            steps.append(self.step(section, before))
        if not steps:
            self.wrong(head.number, "a lesson needs a step: a line such as ## Two networks, and text below it.")
            return None
        if len(steps) > MAX_STEPS:
            self.wrong(sections[MAX_STEPS].number, f"a lesson has {MAX_STEPS} steps at most.")
        first = replace(steps[0], tab=steps[0].tab or tab)
        begun = head.lines["preset"].value if "preset" in head.lines else ""
        return Lesson(name, told["title"], told["about"], config, begun, (first, *steps[1:]))

    def sections(self, text: str) -> list[Section]:
        found, lines = [Section(1, "")], text.splitlines()
        for number, line in enumerate(lines[:MAX_LINES], 1):
            if line.startswith("#"):
                found.append(self.headed(number, line))
            elif match := _FIELD.fullmatch(line.rstrip()):
                self.named(found[-1], Line(number, match[1], (match[2] or "").strip()), head=len(found) == 1)
            else:
                if prose.has_html(line):
                    self.wrong(number, "HTML is not shown; Markdown is: **bold**, *italics*, `code`, - lists.")
                if line.strip() or len(found) > 1:
                    found[-1].text.append((number, line))
        if len(lines) > MAX_LINES:
            self.wrong(MAX_LINES + 1, f"a lesson has {MAX_LINES} lines at most.")
        return found

    def headed(self, number: int, line: str) -> Section:
        if not (line.startswith("## ") and line[3:].strip()):
            self.wrong(number, f"a step begins with ## and its heading, got {line[:40]!r}.")
        return Section(number, line.lstrip("#").strip())

    def named(self, section: Section, line: Line, head: bool) -> None:
        allowed = HEAD if head else IN_STEP
        if line.name not in allowed:
            near = get_close_matches(line.name, allowed, 1)
            where = "the head of a lesson" if head else "a step"
            hint = f" Did you mean {near[0]}?" if near else ""
            self.wrong(line.number, f"{line.name} is not known in {where}; known are {', '.join(allowed)}.{hint}")
        elif line.name in section.lines:
            self.wrong(line.number, f"{line.name} is here twice; first in line {section.lines[line.name].number}.")
        elif not line.value:
            self.wrong(line.number, f"{line.name} needs a value after the colon.")
        else:
            section.lines[line.name] = line

    def required(self, head: Section, name: str) -> str:
        if name not in head.lines:
            self.wrong(1, f"a line is missing: {name}: ...")
            return ""
        return head.lines[name].value

    def base(self, head: Section) -> RunConfig:
        if (line := head.lines.get("preset")) is None:
            return RunConfig()
        try:
            return preset(line.value).config
        except ValueError as error:
            self.wrong(line.number, str(error))
            return RunConfig()

    def configured(self, section: Section, config: RunConfig) -> RunConfig:
        """The config with this section's settings."""
        given = {}
        lines = [line for line in section.lines.values() if line.name in SETTINGS]
        for line in lines:
            try:
                given[line.name] = parse_field(line.name, line.value)
            except ValueError as error:
                self.wrong(line.number, str(error))
        try:
            return replace(config, **given)
        except ValueError as error:  # each is fine alone, but not all together
            self.wrong(max(line.number for line in lines), str(error))
            return config

    def hide(self, section: Section, before: frozenset[str]) -> frozenset[str]:
        if (line := section.lines.get("hide")) is None:
            return before
        try:
            return hidden(() if line.value == "nothing" else _listed(line.value))
        except ValueError as error:
            self.wrong(line.number, str(error).replace("hide takes ", "hide takes nothing, "))
            return before

    def tab(self, section: Section) -> str:
        if (line := section.lines.get("tab")) is None:
            return ""
        if line.value not in TABS:
            self.wrong(line.number, f"tab must be one of {', '.join(TABS)}, got {line.value!r}.")
        return line.value

    def step(self, section: Section, before: LessonStep) -> LessonStep:
        letters = 0
        for number, line in section.text:
            letters += len(line.strip())
            if letters > MAX_LETTERS:
                self.wrong(number, f"a step has {MAX_LETTERS} letters at most, to be read at a glance.")
                break
        text = prose.blocks([line for _, line in section.text])
        if not text:
            self.wrong(section.number, "a step needs text below its heading.")
        config = self.configured(section, before.config)
        hide, tab = self.hide(section, before.hide), self.tab(section)
        return LessonStep(section.heading, text, config, hide, tab, self.question(section, config))

    def question(self, section: Section, config: RunConfig) -> Question | None:
        ask, answer = section.lines.get("ask"), section.lines.get("answer")
        if answer is None:
            if ask is not None:
                self.wrong(ask.number, "a question needs a line such as answer: learns, so that the run can answer it.")
            return None
        try:
            return asked(answer.value, config, ask.value if ask else "")
        except ValueError as error:
            self.wrong(answer.number, str(error))
            return None


def _listed(text: str) -> Iterator[str]:
    return (each for each in re.split(r"[,\s]+", text) if each)
