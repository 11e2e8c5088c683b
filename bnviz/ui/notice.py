"""What the page has to say about a link or a setting: one notice, however many sentences, until it is put away."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st


def keep(sentences: Iterable[str]) -> None:
    """Say these on every run of the page from now on; what else there is to say is said while it holds."""
    st.session_state["said"] = list(sentences)


def draw(now: Iterable[str]) -> None:
    """Draw what was kept and what is said now, in one box; nothing where all of it was put away."""
    state = st.session_state
    said = list(dict.fromkeys([*state.get("said", ()), *now]))
    state["put_away"] = away = set(said) & state.get("put_away", set())  # said anew later, it is shown anew
    shown = [each for each in said if each not in away]
    if not shown:
        return
    with st.container(key="notice", horizontal=True, vertical_alignment="center"):
        text = shown[0] if len(shown) == 1 else "\n".join(f"- {each}" for each in shown)
        st.warning(text, icon=":material/info:", width="stretch")
        st.button("Put away", key="put_away_notice", on_click=away.update, args=(shown,), type="tertiary")
