"""The networks in the sidebar: a row each, with its switch and what else is particular to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import streamlit as st

from bnviz.config import AS_IS, LEARNING_RATE, MAX_ARMS, Arm, RunConfig, numbered
from bnviz.config.settings import Choice
from bnviz.lineup import free_place
from bnviz.serve.own_model import OwnModel
from bnviz.serve.run import Run
from bnviz.ui.markdown import escaped

FIELDS: dict[str, Any] = {each.name: each.metadata for each in fields(Arm)}


def put(arms: Iterable[Arm], own: OwnModel | None = None) -> None:
    """Make the widgets show these arms (before they are drawn); own: where they are variants of this model."""
    given = list(arms)
    st.session_state["arms"] = list(range(len(given)))
    st.session_state["arm_run"] = None  # whose arms they are is not known
    st.session_state["arm_places"] = {}
    st.session_state["arm_labels"] = {}  # of the rows that are arms of the run, by their numbers
    st.session_state["arm_off"] = own.off if own is not None else "none"
    for uid, arm in enumerate(given):
        _put_arm(uid, arm)


def labels() -> tuple[str, ...]:
    """Labels of the run's arms that have a row, from the first row to the last."""
    known = st.session_state["arm_labels"]
    return tuple(known[uid] for uid in st.session_state["arms"] if uid in known)


def follow(run: Run) -> RunConfig:
    """Let each arm of the run have its row, and no arm that is gone (before the widgets are drawn).

    An arm whose row was removed is dropped.

    Returns the config of the run that the rows follow: the run may go on changing.
    """
    state = st.session_state
    if (label := state.pop("arm_dropped", None)) is not None and run.status.live:
        run.drop(label)
    config, there = run.standing.snapshot()
    if state["arm_run"] != run.started:
        adopt(run, there)
    if state["arm_run"] != run.started:
        return config  # the rows are those of another run, which is about to start
    known: dict[int, str] = state["arm_labels"]
    for uid, label in list(known.items()):
        if label not in there:
            del known[uid]
            _remove_row(uid)
    for label, arm in zip(there, config.arms, strict=True):
        if label not in known.values():
            known[_add_row(arm)] = label
    order = {label: place for place, label in enumerate(there)}
    state["arms"] = sorted(state["arms"], key=lambda uid: order.get(known.get(uid, ""), len(order)))
    state["arm_places"] = {uid: run.standing.places[label] for uid, label in known.items()}
    return config


def adopt(run: Run, there: Sequence[str]) -> None:
    """The rows, if they are as many, are the arms of this run."""
    state = st.session_state
    if len(state["arms"]) == len(there):
        state["arm_run"], state["arm_labels"] = run.started, dict(zip(state["arms"], there, strict=True))


def toggle_normalization(place: int) -> None:
    """Flip normalization of the arm that has this place, as its switch does (before the widgets are drawn)."""
    for uid in st.session_state["arms"]:
        if _places()[uid] == place:
            key = _arm_key(uid, "on")
            st.session_state[key] = not st.session_state[key]
            return


def _places() -> dict[int, int]:
    """Each row's place among the colours: its arm's, or one that is free."""
    places = dict(st.session_state["arm_places"])
    for uid in st.session_state["arms"]:
        if uid not in places:
            places[uid] = free_place(places.values())
    return places


def arms(own: OwnModel | None = None, more: bool = True) -> tuple[Arm, ...]:
    """The networks side by side: a row each, with its switch and what else is particular to it.

    own: the operator's own model, where the networks are variants of it. more: whether one can be added.
    """
    state = st.session_state
    st.markdown(
        "Networks, side by side",
        help="A switch acts at once, in the running network, with no reset. A network that is added starts all anew; "
        "a fork (key F) joins those that run.",
    )
    places, uids = _places(), list(state["arms"])
    called = numbered(_arm(uid, own).title for uid in uids)  # what each network has now, as the charts call it
    found = tuple(_arm_row(places[uid], uid, own, name) for uid, name in zip(uids, called, strict=True))
    if more and len(found) < MAX_ARMS:
        st.button("Add a network", icon=":material/add:", type="tertiary", on_click=_add_arm, args=(Arm("batch"),),
                  key="add_arm")  # fmt: skip
    return found


def _add_arm(arm: Arm) -> None:
    _add_row(arm)


def _add_row(arm: Arm) -> int:
    """A row for one more arm; its number."""
    state = st.session_state
    uid = max(state["arms"], default=-1) + 1
    _put_arm(uid, arm)
    state["arms"] = [*state["arms"], uid]
    return int(uid)


def _arm_key(uid: int, part: str) -> str:
    return f"arm{uid}_{part}"


def _put_arm(uid: int, arm: Arm) -> None:
    state = st.session_state
    on = arm.normalization not in ("none", state["arm_off"])
    state[_arm_key(uid, "on")] = on
    state[_arm_key(uid, "kind")] = arm.normalization if on else "batch"
    state[_arm_key(uid, "noise")] = arm.noise
    state[_arm_key(uid, "trick")] = arm.trick
    state[_arm_key(uid, "rate")] = arm.learning_rate


def _arm(uid: int, own: OwnModel | None) -> Arm:
    """What the widgets of a row say (also before they are drawn)."""
    state = st.session_state
    for part, default in (("on", True), ("kind", "batch"), ("noise", False), ("trick", "none"), ("rate", None)):
        state.setdefault(_arm_key(uid, part), default)
    on, kind, noise, trick, rate = (state[_arm_key(uid, part)] for part in ("on", "kind", "noise", "trick", "rate"))
    ours = own is None  # there is no noise, and no trick, in a model of somebody's own
    return Arm(kind if on else state["arm_off"], noise and ours, trick if ours else "none", rate)


def _arm_row(place: int, uid: int, own: OwnModel | None, name: str) -> Arm:
    state = st.session_state
    with st.container(horizontal=True, vertical_alignment="center", key=f"arm-row-{place}"):
        st.toggle(name[:1].upper() + name[1:], key=_arm_key(uid, "on"), width="stretch")
        with st.popover(f"More on network {place + 1}", icon=":material/tune:", type="tertiary"):
            _choice(uid, "kind", "normalization", without=("none", AS_IS) if own is None else ("none", own.off))
            if own is None:
                st.toggle(FIELDS["noise"]["title"], key=_arm_key(uid, "noise"))
                _choice(uid, "trick", "trick")  # what was done before BatchNorm
            st.number_input(
                FIELDS["learning_rate"]["title"], LEARNING_RATE.low, LEARNING_RATE.high, None,
                key=_arm_key(uid, "rate"), placeholder="as all", format="%g",
            )  # fmt: skip
            if len(state["arms"]) > 1:
                st.button("Remove this network", key=_arm_key(uid, "remove"), on_click=_remove_arm, args=(uid,))
            if own is not None:
                _what_it_takes(own.variants.get(_arm(uid, own).normalization, {}))
    return _arm(uid, own)


def _what_it_takes(told: Mapping[str, tuple[str, ...]]) -> None:
    """What is done to a model of somebody's own, and what is left as it is."""
    for heading, name in (("Done to your model", "changes"), ("Left as it is", "left")):
        if told.get(name):
            st.caption(f"{heading}: {escaped(' '.join(told[name]))}")


def _choice(uid: int, part: str, name: str, without: tuple[str, ...] = ()) -> None:
    """A box with the choices for a field of `Arm`."""
    choice: Choice = FIELDS[name]["setting"]
    st.selectbox(
        FIELDS[name]["title"],
        [each for each in choice.names if each not in without],
        key=_arm_key(uid, part),
        format_func=choice.title,
        help=FIELDS[name]["help"] or None,
    )


def _remove_arm(uid: int) -> None:
    st.session_state["arm_dropped"] = st.session_state["arm_labels"].get(uid)
    _remove_row(uid)


def _remove_row(uid: int) -> None:
    st.session_state["arms"] = [each for each in st.session_state["arms"] if each != uid]
