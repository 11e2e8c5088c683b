"""The tab "Self-check": the laws that this machine's numbers are held against."""

from __future__ import annotations

import streamlit as st


def draw() -> None:
    """Draw the tab."""
    st.markdown("`bnviz check` holds this machine's numbers against 26 known laws, in about a minute.")
