"""A visitor's run that waits for room: its place, and another run to watch meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from bnviz.serve.run import Run
from bnviz.serve.shared import server
from bnviz.source import Source, Status
from bnviz.ui.visiting import mine

LOOK_SECONDS = 1.0
"""How often the page looks whether there is room; that it does so keeps the place."""


def draw(source: Source | None, show: Callable[[Source], None]) -> None:
    """Say which place the visitor's own run has in the queue, whatever is being watched; go to it once it has begun.

    source: what is being watched. show: turns the page to something else.
    """
    own = source if source is not None and mine(source) else server().hub.get(st.session_state.get("left", ""))
    if not isinstance(own, Run) or not mine(own):
        return
    if own.status is not Status.WAITING:
        if st.session_state.pop("awaited", None) == own.id and own is not source:
            show(own)
        return
    st.session_state["awaited"] = own.id

    @st.fragment(run_every=LOOK_SECONDS)
    def place() -> None:
        now = server().hub.get(own.id)
        if not isinstance(now, Run) or now.status is not Status.WAITING:
            st.rerun()
        now.glimpse()
        if source is not None:
            server().hub.admission.meanwhile[own.id] = source.id
        st.info(f"{now.text} Your run starts by itself as soon as there is room.", icon=":material/hourglass_top:")

    place()
    other = server().hub.admission.shown_to_all(server().hub.runs()) if own is source else None
    if other is not None and st.button("Watch another run meanwhile", icon=":material/visibility:"):
        show(other)
