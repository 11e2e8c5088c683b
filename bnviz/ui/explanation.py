"""The tab "What is this?": each chart in words."""

from __future__ import annotations

import streamlit as st

from bnviz.explain import EXPLANATIONS, Explanation


def draw() -> None:
    """Draw the tab."""
    for each in EXPLANATIONS.values():
        _chart(each)


def _chart(each: Explanation) -> None:
    with st.expander(f"**{each.title}**: {each.short}"):
        st.latex(each.latex)
        st.markdown(f"**How to read it.** {each.reading}\n\n**When it misleads.** {each.misleads}")
        st.caption(each.source)
