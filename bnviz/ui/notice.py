"""What the page says of a link or a setting, in one notice that can be put away; and of a new start."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import streamlit as st

from bnviz.config import TITLES, RunConfig
from bnviz.ui.markdown import escaped


def keep(sentences: Iterable[str]) -> None:
    """Say these on every run of the page from now on; what else there is to say is said while it holds."""
    st.session_state["said"] = list(sentences)


def draw(now: Iterable[str]) -> None:
    """Draw what was kept and what is said now, in one box; nothing where all of it was put away.

    Much of it repeats what a link, a file or a recording says, so nothing in it is taken for Markdown.
    """
    state = st.session_state
    said = list(dict.fromkeys([*state.get("said", ()), *now]))
    state["put_away"] = away = set(said) & state.get("put_away", set())  # said anew later, it is shown anew
    shown = [each for each in said if each not in away]
    if not shown:
        return
    with st.container(key="notice", horizontal=True, vertical_alignment="center"):
        text = escaped(shown[0]) if len(shown) == 1 else "\n".join(f"- {escaped(each)}" for each in shown)
        st.warning(text, icon=":material/info:", width="stretch")
        st.button("Put away", key="put_away_notice", on_click=away.update, args=(shown,))


def started_anew(before: RunConfig, now: RunConfig, because_of: Iterable[str]) -> str:
    """Why a run starts anew, and what else is set anew with it: a data set brings the values that suit it."""
    stuck = [*because_of]
    along = [name for name in TITLES if name not in (*stuck, "arms") and getattr(now, name) != getattr(before, name)]
    set_too = ", ".join(f"{TITLES[name].lower()} {_written(getattr(now, name))}" for name in along)
    because = ", ".join(TITLES[name].lower() for name in stuck)
    return f"Started anew with another {because}{f'; with it, {set_too}' if set_too else ''}."


def _written(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)
