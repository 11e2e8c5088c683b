"""Going through a lesson: begin, a step on or back, leave; each puts the settings that the lesson has there."""

from __future__ import annotations

import streamlit as st

from bnviz.config.change import Restart, difference
from bnviz.lessons.progress import Progress
from bnviz.presets import live
from bnviz.serve.run import Run
from bnviz.serve.shared import server
from bnviz.ui import lessons, sidebar
from bnviz.ui.component import FIRST_TAB, open_tab


def begin(name: str) -> None:
    """Callback: begin a lesson, in a run that starts anew."""
    here = Progress(server().lessons[name])
    st.session_state["progress"], st.session_state["anew"] = here, True
    sidebar.put(here.config)
    open_tab(here.step.tab or FIRST_TAB)


def leave() -> None:
    """Callback: back to all controls, with settings and run as they are, only that it goes on for longer."""
    st.session_state.pop("progress", None)
    sidebar.put(live(st.session_state["config"]))


def follow(run: Run | None) -> bool:
    """Do what the visitor wishes in a lesson, and draw the way out; whether a run that has waited is to play now."""
    before = lessons.moved()
    here = lessons.progress()
    if here is None:
        if before is not None:
            leave()
            open_tab("lessons")
        return False
    if here.lesson.name:
        st.button("Leave the lesson", key="leave_lesson", icon=":material/close:", on_click=leave)
    if before is None:
        return False
    if here.config != before.config and not _been_through(here, before, run):
        sidebar.put(here.config)
    if here.step.tab and here.at != before.at:
        open_tab(here.step.tab)
    return before.waits and not here.waits


def _been_through(here: Progress, before: Progress, run: Run | None) -> bool:
    """Whether the step lies behind in this very run, so that it has shown it, and nothing is to be put back."""
    back = here.at < before.at and run is not None
    return back and run is not None and not isinstance(difference(run.config, here.config), Restart)
