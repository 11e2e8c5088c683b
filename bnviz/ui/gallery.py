"""The tab "Gallery": the presets as cards, each with a button that starts it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from bnviz.presets import PRESETS, Preset


def draw(start: Callable[[str], None]) -> None:
    """Draw the tab; `start` is called with the name of the preset that is chosen."""
    for name, each in PRESETS.items():
        _card(name, each, start)


def _card(name: str, each: Preset, start: Callable[[str], None]) -> None:
    with st.container(border=True, key=f"gallery-{name}"):
        st.markdown(f"**{each.title}**\n\n{each.look_for}")
        st.caption(each.source)
        st.button("Start", key=f"gallery-start-{name}", on_click=start, args=(name,))
