"""The tab "Recordings": what is on the shelf, to be watched again, overlaid, named, removed, taken along."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from bnviz.config import numbered
from bnviz.serve.app import shelf_path
from bnviz.serve.lending import lend, lend_both
from bnviz.serve.run import Run
from bnviz.serve.shared import server
from bnviz.serve.shelf import MAX_FILES
from bnviz.serve.shelf.card import LONGEST_NAME, Card, clean_name
from bnviz.serve.shelf.entry import Entry
from bnviz.source import Kept, Source, Status
from bnviz.ui import card_words as words
from bnviz.ui import passing, recording_upload
from bnviz.ui.markdown import escaped
from bnviz.ui.visiting import at_home, visitor

AT_ONCE = 12
"""Recordings shown at first, and with each further press of the button."""
LOOK_SECONDS = 3.0
"""How often the list is looked at for what has come, or has ended."""
OPENED = "opened "
"""How the keys begin of what the server was started with: it is nobody's to rename or remove."""
Watch = Callable[[Source], None]


def draw(watch: Watch) -> None:
    """Draw the tab; `watch` is called with what is to be shown in place of the present run."""
    whose = None if at_home() else visitor()
    with st.container(key="recordings"):
        _say_where(everything=whose is None)
        _offer_undo()
        left, right = st.columns(2, vertical_alignment="top")
        with left:
            recording_upload.draw()
        entries = _entries(whose)
        with right:
            _offer_overlay(entries, watch)
        if not entries:
            st.info("Nothing here yet: a run is listed as soon as it is measured. Start one, or add a file.")
        shown = st.session_state.setdefault("recordings_shown", AT_ONCE)
        with st.container(key="recordings-list"):
            for entry in entries[:shown]:
                _card(entry, watch)
        if len(entries) > shown and st.button(f"Show more of {len(entries)}", key="recordings-more"):
            st.session_state["recordings_shown"] = shown + AT_ONCE
            st.rerun()

        @st.fragment(run_every=LOOK_SECONDS)
        def follow() -> None:
            if _state(_listed(whose)) != _state(entries):
                st.rerun()

        follow()


def _state(entries: list[Entry]) -> list[tuple[str, str]]:
    """What decides whether the list is drawn anew."""
    return [(entry.key, _doing(entry)) for entry in entries]


def _doing(entry: Entry) -> str:
    """Whether it still grows, in words; empty: it does not. A run that has finished may go on, so its file is open."""
    if not entry.writing:
        return ""
    run = server().hub.of(entry.file, Run)
    return "finished" if run is not None and run.status is Status.FINISHED else "being written"


def _say_where(everything: bool) -> None:
    shelf = server().hub.shelf
    place = f"in {escaped(str(shelf.folder))}" if everything else "on the machine that serves this page"
    whose = "" if everything else " You see your own, known by a cookie of this browser; nobody else's page lists them."
    st.caption(
        f"Every run is kept as it goes, {place}: up to {MAX_FILES} files and {shelf.most_bytes / 1e9:g} GB; "
        f"then the oldest of whoever has most is removed.{whose}"
    )
    now = server().hub.get(st.session_state.get("run", ""))
    if now is not None and now.unkept:
        st.warning(escaped(now.unkept), icon=":material/warning:")


def _entries(visitor: str | None) -> list[Entry]:
    """What is listed; each of which too little is known is looked at first."""
    entries = _listed(visitor)
    if unknown := [entry for entry in entries if not (entry.known or entry.key.startswith(OPENED))]:
        with st.spinner(f"Looking at {len(unknown)} recordings …"):
            server().hub.shelf.examine(unknown[0])
        st.rerun()
    return entries


def _listed(visitor: str | None) -> list[Entry]:
    """What the server was started with, then what is on the shelf."""
    entries = server().hub.shelf.entries(visitor)
    on_shelf = {entry.file for entry in entries}
    opened = []
    for place, kept in enumerate(server().hub.opened):
        if kept.file is not None and kept.file.absolute() not in on_shelf:
            told = kept.file.stat() if kept.file.exists() else None
            writing = kept.status is Status.GROWING
            card = Card(clean_name(kept.file.stem), began=told.st_mtime if told else 0.0,
                        damage="" if writing else kept.text)  # fmt: skip
            size = told.st_size if told else 0
            opened.append(Entry(f"{OPENED}{place} {kept.file.stem}", kept.file, size, card, writing))
    return opened + entries


def _card(entry: Entry, watch: Watch) -> None:
    given = entry.key.startswith(OPENED)
    card, hub = entry.card, server().hub
    now = hub.of(entry.file, Kept) or hub.of(entry.file, Run)
    if now is not None and (entry.writing or given):  # its card is of how it began
        card = card.told(now.description, *now.history.snapshot())
    with st.container(border=True, key=f"recordings-card-{entry.key}"):
        if card.picture:
            st.image(card.picture, width="stretch", alt=f"{entry.title}: training loss of {', '.join(card.arms)}")
        doing = _doing(entry)
        st.markdown(f"**{escaped(entry.title)}**" + (f" :blue-badge[{doing}]" if doing else ""))
        st.caption(escaped(words.settings(card)))
        st.caption(escaped(words.times(card, entry.size)) + (f" **{escaped(card.damage)}**" if card.damage else ""))
        with st.container(horizontal=True, key=f"recordings-row-{entry.key}", gap="small"):
            if _watchable(entry):
                _replay_button(entry, watch)
            if not given:
                _download_button(entry)
                _rename_box(entry)
            if not given and not entry.writing:
                st.button("Remove", key=f"recordings-remove-{entry.key}", on_click=_remove, args=(entry,))


def _download_button(entry: Entry) -> None:
    key = f"recordings-download-{entry.key}"
    if passing.hidden("socket"):  # an address of Streamlit's own, though it takes all of the file into memory
        st.download_button("Download", entry.file.read_bytes, f"{entry.key}.arrow", on_click="ignore", key=key)
    else:
        st.link_button("Download", shelf_path(entry), key=key)


def _watchable(entry: Entry) -> bool:
    return entry.card.measured > 0 or entry.writing or entry.key.startswith(OPENED)


def _replay_button(entry: Entry, watch: Watch) -> None:
    label = "Watch" if entry.writing else "Replay"
    if not st.button(label, key=f"recordings-replay-{entry.key}", type="primary"):
        return
    if (source := _lent(entry)) is not None:
        watch(source)


def _lent(entry: Entry) -> Source | None:
    """What to watch of it; None, after saying why, where that cannot be."""
    try:
        with st.spinner("Reading …"):
            return lend(server().hub, entry)
    except (OSError, ValueError) as error:
        st.error(escaped(f"{entry.title} cannot be shown: {error}"), icon=":material/error:")
        return None


def _rename_box(entry: Entry) -> None:
    with st.popover("Rename", key=f"recordings-rename-{entry.key}"):
        st.text_input(
            "Name", entry.title, key=f"recordings-name-{entry.key}", max_chars=LONGEST_NAME,
            on_change=_rename, args=(entry,),
        )  # fmt: skip


def _rename(entry: Entry) -> None:
    """Callback."""
    try:
        server().hub.shelf.rename(entry, str(st.session_state[f"recordings-name-{entry.key}"]))
    except OSError as error:
        st.toast(escaped(f"It could not be renamed: {error.strerror or error}."))


def _remove(entry: Entry) -> None:
    """Callback."""
    try:
        server().hub.shelf.remove(entry)
        st.session_state["recordings_removed"] = entry
    except OSError as error:
        st.toast(escaped(f"It could not be removed: {error.strerror or error}."))


def _offer_undo() -> None:
    entry: Entry | None = st.session_state.get("recordings_removed")
    if entry is not None:
        with st.container(horizontal=True, vertical_alignment="center", key="recordings-undo-row"):
            st.markdown(f"Removed {escaped(entry.title)}.", width="content")
            st.button("Undo", key="recordings-undo", on_click=_undo)


def _undo() -> None:
    """Callback."""
    entry: Entry = st.session_state.pop("recordings_removed")
    if not server().hub.shelf.restore(entry):
        st.toast("It is gone for good: there was no more room, or it was removed too long ago.")


def _offer_overlay(entries: list[Entry], watch: Watch) -> None:
    by_key = {entry.key: entry for entry in entries if _watchable(entry)}
    if len(by_key) < 2:
        return
    told = numbered(words.line(entry.title, entry.card, _doing(entry)) for entry in by_key.values())
    called = dict(zip(by_key, told, strict=True))
    with st.container(key="recordings-overlay-row"):
        chosen = [
            st.selectbox(label, list(by_key), None, key=f"recordings_overlay_{place}", format_func=called.__getitem__,
                         placeholder="Choose a recording")
            for place, label in enumerate(("Lay this one", "over this one"))
        ]  # fmt: skip
        keys = [key for key in dict.fromkeys(chosen) if key is not None]
        pressed = st.button("Overlay", key="recordings-overlay", disabled=len(keys) != 2)
    if pressed and len(keys) == 2:
        _overlay(by_key[keys[0]], by_key[keys[1]], watch)


def _overlay(one: Entry, other: Entry, watch: Watch) -> None:
    first, second = _lent(one), _lent(other)
    if first is None or second is None:
        return
    try:
        both = lend_both(server().hub, (one.title, first), (other.title, second))
    except ValueError as error:
        st.error(escaped(str(error)), icon=":material/error:")
    else:
        watch(both)
