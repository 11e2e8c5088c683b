"""The box of data sets, and what belongs to a file of one's own: dropping it, its target, its task, what was done."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import streamlit as st

from bnviz.config import CATALOG
from bnviz.config.own import MAX_FEATURES, MAX_ROWS
from bnviz.data.own import KINDS, Mistake, safely, store
from bnviz.data.own.preparing import TASKS, guessed_target
from bnviz.data.own.reading import MAX_MEGABYTES
from bnviz.ui.markdown import escaped

FILE = "file"
"""The choice that lets a file be dropped; no name of a data set."""
HELP = (
    f"A row for each sample; up to {MAX_MEGABYTES} MB, {MAX_ROWS:,} rows and {MAX_FEATURES:,} features. An NPZ holds "
    "arrays x and y; images as (n, h, w) or (n, c, h, w). The file stays on the machine that serves this page."
)


def choose(key: str, label: str, help: str) -> str:
    """Draw the box, and what belongs to a file; return the data set, the one so far where none is ready yet."""
    state = st.session_state
    current: str = state["config"].dataset
    seen: list[str] = state.setdefault("own_sets", [])
    if current not in (*CATALOG, *seen):
        seen.append(current)
    chosen = str(st.selectbox(label, [*CATALOG, *seen, FILE], key=key, format_func=title, help=help))
    if chosen == FILE:
        return _from_file() or current
    if chosen not in CATALOG:
        about = store.about(chosen)
        _said(
            about.notes if about else ["This file is not on this machine. Add it by “Your own file”, if you have it."]
        )
    return chosen


def title(name: str) -> str:
    """A data set as people call it: of a file its name, and the target."""
    if name in CATALOG:
        return CATALOG[name].title
    if name == FILE:
        return "Your own file …"
    about = store.about(name)
    return f"{about.file}, {about.target}" if about else "Somebody's own file"


def _from_file() -> str | None:
    """Draw what a file needs; the name of its set, or None while there is none."""
    kinds = [kind.removeprefix(".") for kind in KINDS]
    file = st.file_uploader("CSV, Parquet or NPZ", kinds, key="own_file", max_upload_size=MAX_MEGABYTES, help=HELP)
    if file is None:
        return None
    raw = file.getvalue()
    try:
        own = _asked(file.name, raw)
    except Mistake as mistake:
        st.error(escaped(str(mistake)), icon=":material/error:")
        return None
    _said(own.about.notes)
    if own.name not in st.session_state["own_sets"]:
        st.session_state["own_sets"].append(own.name)
    return own.name


def _asked(called: str, raw: bytes) -> safely.Own:
    """The set with the target and the task that the controls ask for. Errors: Mistake."""
    digest = hashlib.sha256(raw).hexdigest()
    try:
        columns = _prepared(called, raw, digest, None, "auto").about.columns
    except Mistake as mistake:
        columns = mistake.columns
        if not columns:
            raise
    target = columns[0]
    if len(columns) > 1:
        place = columns.index(guessed_target(columns))
        target = str(
            st.selectbox("Target", columns, place, key=f"own_target_{digest}", help="The column to be learned.")
        )
    try:
        found = _prepared(called, raw, digest, target, "auto")
    except Mistake:
        found = None
    task = st.pills(
        "Task", TASKS[1:], default=found.about.task if found else TASKS[1], required=True, format_func=str.capitalize,
        key=f"own_task_{digest}_{target}", help="Classes are told apart, or a number is foretold.",
    )  # fmt: skip
    return found if found and task == found.about.task else _prepared(called, raw, digest, target, str(task))


def _prepared(called: str, raw: bytes, digest: str, target: str | None, task: str) -> safely.Own:
    """What the file gives with this target and task, remembered for this visit. Errors: Mistake."""
    known: dict[tuple[str, str | None, str], safely.Own | Mistake] = st.session_state.setdefault("own_known", {})
    found = known.get((digest, target, task))
    if isinstance(found, Mistake):
        raise found
    if found is not None and store.about(found.name):  # it may have gone since, to make room
        return found
    with st.spinner("Reading …"), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"data{Path(called).suffix.lower()}"
        path.write_bytes(raw)
        try:
            own = safely.prepare(path, target, task, called=called)
        except Mistake as mistake:
            known[digest, target, task] = mistake
            raise
    for asked in (target, own.about.target):
        known[digest, asked, task] = known[digest, asked, own.about.task] = own
    st.session_state["own_added"] = own.name
    return own


def _said(sentences: list[str] | tuple[str, ...]) -> None:
    st.caption(escaped(" ".join(sentences)))
