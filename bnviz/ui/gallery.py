"""The tab "Presets": a card for each, with a picture of a real run and a button that starts one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from bnviz.presets import PRESETS, Preset

THUMBNAILS = Path(__file__).parent / "thumbnails"
"""Made by `tools/make_thumbnails.py`, one SVG for each preset."""


def draw(start: Callable[[str], None]) -> None:
    """Draw the tab; `start` is called with the name of the preset that is chosen."""
    with st.container(key="gallery"):
        for name, each in PRESETS.items():
            _card(name, each, start)


def _card(name: str, each: Preset, start: Callable[[str], None]) -> None:
    with st.container(border=True, key=f"gallery-card-{name}"):
        st.image(THUMBNAILS / f"{name}.svg", width="stretch", alt=f"{each.title}: picture of a run")
        st.markdown(f"**{each.title}**\n\n{each.look_for}")
        st.caption(f"**Expected**, as measured with three seeds: {each.outcome}")
        st.caption(f"*{each.source}*")
        st.button("Start", key=f"gallery-start-{name}", on_click=start, args=(name,))
