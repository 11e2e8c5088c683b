"""Where a recording can be dropped, to be added to the shelf."""

from __future__ import annotations

import streamlit as st

from bnviz.serve.shared import server
from bnviz.serve.shelf import MAX_UPLOAD_MEGABYTES
from bnviz.ui.markdown import escaped
from bnviz.ui.visiting import let_go, visitor


def draw() -> None:
    """Draw where a file can be dropped; what was dropped is added once, and said."""
    state = st.session_state
    given = st.file_uploader(
        "Add a recording", "arrow", key=f"recordings_file_{state.setdefault('recordings_turn', 0)}",
        max_upload_size=MAX_UPLOAD_MEGABYTES, help="A file that Save, bnviz run --out or bnviz.watch wrote.",
    )  # fmt: skip
    if given is not None:
        try:
            with st.spinner("Reading …"):
                added = server().hub.shelf.add(given.getvalue(), given.name, visitor())
            state["recordings_said"] = (True, f"Added {added.title}. {added.card.damage}".strip())
        except ValueError as error:
            state["recordings_said"] = (False, str(error))
        except OSError as error:
            state["recordings_said"] = (False, f"{given.name} could not be kept: {error.strerror or error}.")
        let_go(given)
        state["recordings_turn"] += 1  # an empty place for the next one
        st.rerun()
    good, text = state.pop("recordings_said", (True, ""))
    if text:
        (st.success if good else st.error)(escaped(text), icon=f":material/{'check' if good else 'error'}:")
