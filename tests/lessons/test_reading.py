"""A lesson's file: what is in it comes out, and whatever is wrong with a line is said with its number."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from bnviz.config import Arm, RunConfig
from bnviz.lessons import HERE, ORDER, read, read_folder
from bnviz.lessons.hiding import GROUPS, NAMES, hidden
from bnviz.lessons.kinds import KINDS
from bnviz.lessons.prose import Block, Part, blocks
from bnviz.lessons.question import Question
from bnviz.presets import PRESETS

GOOD = """\
title: Four at a time
about: What a batch of four does.
preset: tiny-batch
steps: 120
hide: advanced, seed

## Three nets
They see **two** digits
at a time, and `batch_size` is 2.

- first *item*
- second
ask: Who learns?
answer: learns none, batch
tab: time

## Four digits
Once more.
batch_size: 4
hide: nothing
"""


def test_what_is_written_comes_out():
    lesson, problems = read("four", GOOD)
    assert problems == ()
    assert (lesson.name, lesson.title, lesson.about) == ("four", "Four at a time", "What a batch of four does.")
    base = PRESETS["tiny-batch"].config
    assert lesson.config == RunConfig.from_dict({"steps": "120"}, base)
    first, second = lesson.steps
    assert (first.heading, first.tab, first.config) == ("Three nets", "time", lesson.config)
    assert first.hide == {*GROUPS["advanced"], "seed"}
    assert first.question == Question("learns", (0, 1), "Who learns?")
    assert first.text == (
        Block((Part("They see "), Part("two", "strong"), Part(" digits at a time, and "),
               Part("batch_size", "code"), Part(" is 2."))),
        Block((Part("first "), Part("item", "em")), item=True),
        Block((Part("second"),), item=True),
    )  # fmt: skip
    assert (second.tab, second.question, second.hide) == ("", None, frozenset())
    assert second.config == RunConfig.from_dict({"batch_size": "4"}, lesson.config)


BROKEN = {
    "titel: Four": (1, "titel is not known in the head of a lesson", "Did you mean title?"),
    "title:": (1, "title needs a value"),
    "preset: tiny": (3, "preset must be one of sigmoid-depth"),
    "steps: many": (4, "steps must be a whole number from 1 to 1000000, got 'many'."),
    "batch_size: 1": (4, "batch_size must be at least 2 with BatchNorm, got 1"),
    "hide: everything": (5, "hide takes nothing, dataset", "got 'everything'."),
    "some words": (4, "text comes after a heading", "got 'some words'"),
}
IN_STEP = {
    "# Three nets": (7, "a step begins with ## and its heading"),
    "##": (7, "a step begins with ##"),
    "They see <b>two</b> digits": (8, "HTML is not shown"),
    "a" * 700: (8, "a step has 600 letters at most"),
    "aks: Who?": (8, "aks is not known in a step", "Did you mean ask?"),
    "answer: ,": (14, "a question is one of learns, diverges", "got ''."),
    "answer: guesses": (14, "a question is one of learns, diverges", "got 'guesses'."),
    "answer: learns none, group": (14, "there is no network 'group'; there are none, batch, layer."),
    "answer: learns": (14, "learns is about 1 to 2 of the networks, got 3"),
    "answer: weakest none, batch": (14, "weakest is about 1 of the networks, got 2"),
    "answer: best none": (14, "best is about 2 to 3 of the networks, got 1"),
    "answer: learns none none": (14, "each network can be named once"),
    "steps: 100": (14, "a question needs a line such as answer: learns", 13),
    "ask: Again?": (14, "ask is here twice; first in line 13."),
    "tab: weather": (15, "tab must be one of layers, time"),
}


@pytest.mark.parametrize("line", [*BROKEN, *IN_STEP])
def test_a_broken_line_is_named_with_its_number(line):
    number, *words = {**BROKEN, **IN_STEP}[line]
    lines = GOOD.splitlines()
    lines[number - 1] = line
    lesson, problems = read("four", "\n".join(lines))
    assert lesson is None
    at = words.pop() if isinstance(words[-1], int) else number
    assert [each for each in problems if each.line == at and all(word in each.reason for word in words)]


def test_all_that_is_wrong_is_said_at_once_in_order():
    lines = GOOD.splitlines()
    lines[0], lines[3], lines[14] = "titel: x", "steps: -1", "tab: x"
    _, problems = read("four", "\n".join(lines))
    assert [line for line, _ in problems] == [1, 1, 4, 15]  # the first line is wrong, and a title is missing


@pytest.mark.parametrize("text", ["", "title: A\nabout: B\n", "## Only a heading", "\n\n\n", "﻿", "\x00" * 50])
def test_what_is_no_lesson_is_never_one(text):
    lesson, problems = read("x", text)
    assert lesson is None
    assert problems
    assert all(line >= 1 and reason.endswith((".", "...")) for line, reason in problems)


def test_whatever_is_written_a_reason_or_a_lesson_comes_out():
    """A thousand files, each a good one with lines exchanged, dropped, doubled and cut."""
    draw = random.Random(0)
    pieces = [line for name in ORDER for line in (HERE / f"{name}.md").read_text().splitlines()]
    for _ in range(1000):
        lines = GOOD.splitlines()
        for _ in range(draw.randint(1, 4)):
            place = draw.randrange(len(lines))
            piece = draw.choice(pieces)
            lines[place : place + draw.randint(0, 2)] = [piece[: draw.randint(0, len(piece))]] * draw.randint(0, 2)
        lesson, problems = read("x", "\n".join(lines))
        assert (lesson is None) == bool(problems)
        assert all(1 <= line <= max(1, len(lines)) and reason for line, reason in problems)


def test_a_folder_gives_its_good_lessons_and_names_the_others(tmp_path):
    (tmp_path / "a.md").write_text(GOOD)
    (tmp_path / "b.md").write_text(GOOD.replace("tiny-batch", "tiny"))
    (tmp_path / "c.md").write_bytes(b"title: x\nabout: \xff\n")
    (tmp_path / "d.md").mkdir()
    (tmp_path / "e.md").write_text("x" * 200_000)
    (tmp_path / "notes.txt").write_text("not a lesson")
    lessons, said = read_folder(tmp_path)
    assert list(lessons) == ["a"]
    starts = [f"{tmp_path / 'b.md'}, line 3: preset must", f"{tmp_path / 'c.md'}, line 2: this is not UTF-8",
              f"{tmp_path / 'd.md'}, line 1: the file cannot", f"{tmp_path / 'e.md'}, line 1: the file"]  # fmt: skip
    for start in starts:
        assert any(each.startswith(start) for each in said)
    assert len({re.match(r"[^,]+", each)[0] for each in said}) == 4


def test_groups_stand_for_what_they_hold():
    assert hidden(["settings"]) >= {"depth", "arms", "seed", "preset", "add"}
    assert hidden(["tabs", "landscape"]) == {"tabs", "landscape"}
    assert hidden(NAMES) >= set(NAMES) - set(GROUPS)
    with pytest.raises(ValueError, match="got 'dept'"):
        hidden(["dept"])


def test_paragraphs_and_items():
    assert blocks(["", "one", "two", "", "- a", "  b", "- c", "", "three"]) == tuple(
        Block((Part(text),), item) for text, item in
        [("one two", False), ("a b", True), ("c", True), ("three", False)]
    )  # fmt: skip
    assert blocks(["a * b ** c"])[0].parts == (Part("a * b ** c"),)


def test_arms_are_named_as_they_are_at_that_step():
    text = GOOD.replace("batch_size: 4", "arms: batch,batch\nanswer: learns batch (2)")
    _, problems = read("x", text)
    assert problems  # a label with a space is two names
    lesson, problems = read("x", text.replace("batch (2)", "batch"))
    assert problems == ()
    assert lesson.steps[1].question.arms == (0,)
    assert lesson.steps[1].config.arms == (Arm("batch"), Arm("batch"))


def test_the_lesson_that_teachers_are_shown_is_one_and_every_kind_is_explained():
    text = (Path(__file__).parents[2] / "docs" / "lessons.md").read_text()
    example = next(block for block in text.split("```")[1::2] if "## " in block)
    lesson, problems = read("example", example.removeprefix("\n"))
    assert problems == ()
    assert (len(lesson.steps), lesson.questions) == (3, 2)
    assert re.findall(r"^\| `(\w+)`", text, flags=re.MULTILINE) == list(KINDS)
