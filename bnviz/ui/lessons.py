"""Lessons on the page: the place in one, what it hides, what is shown of it, and the tab that offers them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import streamlit as st

from bnviz.config import RunConfig
from bnviz.config.change import Restart, difference
from bnviz.lessons import Lesson, LessonStep, hiding
from bnviz.lessons.progress import SKIPPED, Progress, restored
from bnviz.lessons.question import asked
from bnviz.serve.shared import server
from bnviz.ui.gallery import THUMBNAILS

LINK = ("lesson", "at", "said", "ask", "answer", "hide", "paused", "step")
"""Keys of the link that are read here."""
LONGEST = 200
"""Letters of a question that a link asks."""


def progress() -> Progress | None:
    """The visitor's place in a lesson, or at the one question of a link."""
    found: Progress | None = st.session_state.get("progress")
    return found


def hidden() -> frozenset[str]:
    """What of the page is hidden, by the lesson and by the link."""
    here = progress()
    by_lesson = here.step.hide | {"preset"} if here is not None and here.lesson.name else frozenset()
    by_link: frozenset[str] = st.session_state.get("hidden", frozenset())
    return by_lesson | by_link


def read_link(link: Mapping[str, str]) -> list[str]:
    """Take from the link what is hidden, and the place in a lesson; return a sentence for each that is not allowed."""
    problems = []
    state, offered = st.session_state, server().lessons
    if "hide" in link:
        names = link["hide"].replace(",", " ").split()
        try:
            state["hidden"] = hiding.hidden(names)
            state["hide"] = link["hide"]
        except ValueError as error:
            problems.append(f"{error} Nothing is hidden.")
    if (name := link.get("lesson")) in offered:
        state["progress"] = restored(offered[name], link)
    elif name is not None:
        problems.append(f"lesson must be one of {', '.join(offered)}, got {name!r}.")
    if link.get("paused") == "1":
        state["rest_at"] = 0
    if (step := link.get("step")) is not None:
        if step.isascii() and step.isdecimal() and len(step) < 10:
            state["rest_at"] = int(step)
        else:
            problems.append(f"step must be a whole number from 0 on, got {step!r}.")
    return problems


def read_question(link: Mapping[str, str], config: RunConfig) -> list[str]:
    """Take the question that a link asks of a run with these settings, if it asks one and names no lesson."""
    if "answer" not in link or progress() is not None:
        return []
    try:
        found = asked(link["answer"], config, link.get("ask", "")[:LONGEST])
    except ValueError as error:
        return [f"The question of the link cannot be asked: {error}"]
    lesson = Lesson("", "", "", config, "", (LessonStep("", (), config, question=found),))
    st.session_state["progress"] = restored(lesson, link)
    st.session_state["asked"] = {name: link[name] for name in ("ask", "answer") if name in link}
    return []


def link() -> dict[str, str]:
    """The part of the page's link that restores all of this."""
    here, state = progress(), st.session_state
    hide = {"hide": state["hide"]} if "hide" in state else {}
    if here is None:
        return hide
    told = here.to_dict()
    if here.lesson.name:
        return hide | told
    asked: dict[str, str] = state["asked"]
    return hide | asked | {name: text for name, text in told.items() if name == "said"}


def rest_at() -> int | None:
    """The step at which a run that starts now is to rest until somebody plays it, or predicts."""
    here = progress()
    asked: int | None = st.session_state.pop("rest_at", None)
    return asked if asked is not None else 0 if here is not None and here.waits else None


def moved() -> Progress | None:
    """Take the step, or the prediction, that the visitor wishes, if any; the place before, where it has changed.

    Who goes on from the last step is in no lesson any more.
    """
    before, wish = progress(), st.session_state.pop("lesson_wish", None)
    if before is None or not isinstance(wish, dict):
        return None
    now: Progress | None = before
    if wish.get("go") == 1 and before.ended and before.lesson.name:
        now = None
    elif wish.get("go") in (1, -1):
        now = before.moved(wish["go"])
    elif isinstance(wish.get("say"), int):
        now = before.saying(wish["say"])
    st.session_state["progress"] = now
    return before if now != before else None


def told() -> dict[str, Any] | None:
    """What the component shows: the step's text, and the question with its options and what was predicted."""
    here = progress()
    if here is None:
        return None
    step = here.step
    shown = {
        "title": here.lesson.title,
        "heading": step.heading,
        "at": here.at,
        "of": len(here.lesson.steps),
        "text": [asdict(block) for block in step.text],
        "open": here.open,
    }
    if step.question is None:
        return shown
    said = here.said.get(here.at)
    return shown | {
        "question": step.question.title,
        "ask": step.question.code,
        "until": min(step.config.steps, st.session_state["config"].steps),
        "then": _then(here) if here.open else "",
        "options": [asdict(option) for option in step.question.options(step.config)],
        "said": None if said == SKIPPED else said,
    }


def _then(here: Progress) -> str:
    """What waits for the prediction, as a sentence; empty: nothing does."""
    if here.waits:
        return "The run waits for your prediction."
    if here.config == here.step.config:
        return ""
    if isinstance(difference(here.config, here.step.config), Restart):
        return "The charts still show the run before: a new one begins once you have predicted."
    return "The networks are changed, and go on, once you have predicted."


def draw(start: Callable[[str], None]) -> None:
    """Draw the tab; `start` is called with the name of the lesson that is chosen."""
    with st.container(key="lessons"):
        for name, each in server().lessons.items():
            with st.container(border=True, key=f"lessons-card-{name}"):
                if each.preset:
                    st.image(THUMBNAILS / f"{each.preset}.svg", width="stretch", alt=f"{each.title}: picture of a run")
                st.markdown(f"**{each.title}**\n\n{each.about}")
                st.caption(f"{_count(len(each.steps), 'step')}, {_count(each.questions, 'question')}")
                st.button("Begin", key=f"lessons-start-{name}", on_click=start, args=(name,))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
