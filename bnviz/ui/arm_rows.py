"""The networks in the sidebar: a row each, with its switch and what else is particular to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, cast

import streamlit as st

from bnviz.config import AS_IS, LEARNING_RATE, MAX_ARMS, Arm, Trick, title_of
from bnviz.config.settings import Choice
from bnviz.serve.own_model import OwnModel
from bnviz.ui.markdown import escaped

FIELDS: dict[str, Any] = {each.name: each.metadata for each in fields(Arm)}


def put(arms: Iterable[Arm], own: OwnModel | None = None) -> None:
    """Make the widgets show these arms (before they are drawn); own: where they are variants of this model."""
    given = list(arms)
    st.session_state["arms"] = list(range(len(given)))
    st.session_state["arm_off"] = own.off if own is not None else "none"
    for uid, arm in enumerate(given):
        _put_arm(uid, arm)


def toggle_normalization(place: int) -> None:
    """Flip normalization of the arm at a place, as its switch does (before the widgets are drawn)."""
    uids = st.session_state["arms"]
    if 0 <= place < len(uids):
        key = _arm_key(uids[place], "on")
        st.session_state[key] = not st.session_state[key]


def arms(own: OwnModel | None = None, more: bool = True) -> tuple[Arm, ...]:
    """The networks side by side: a row each, with its switch and what else is particular to it.

    own: the operator's own model, where the networks are variants of it. more: whether one can be added.
    """
    state = st.session_state
    st.markdown("Networks, side by side", help="A switch acts at once, in the running network, with no reset.")
    found = tuple(_arm_row(place, uid, own) for place, uid in enumerate(list(state["arms"])))

    def add() -> None:
        uid = max(state["arms"]) + 1
        _put_arm(uid, Arm("batch"))
        state["arms"] = [*state["arms"], uid]

    if more and len(found) < MAX_ARMS:
        st.button("Add a network", icon=":material/add:", type="tertiary", on_click=add, key="add_arm")
    return found


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


def _arm_row(place: int, uid: int, own: OwnModel | None) -> Arm:
    state = st.session_state
    for part, default in (("on", True), ("kind", "batch"), ("noise", False), ("trick", "none"), ("rate", None)):
        state.setdefault(_arm_key(uid, part), default)
    kind = state[_arm_key(uid, "kind")]
    with st.container(horizontal=True, vertical_alignment="center", key=f"arm-row-{place}"):
        on = st.toggle(title_of("normalization", kind), key=_arm_key(uid, "on"), width="stretch")
        with st.popover(f"More on network {place + 1}", icon=":material/tune:", type="tertiary"):
            kind = _choice(uid, "kind", "normalization", without=("none", AS_IS) if own is None else ("none", own.off))
            noise, trick = (False, "none") if own is not None else _treatments(uid)
            rate = st.number_input(
                FIELDS["learning_rate"]["title"], LEARNING_RATE.low, LEARNING_RATE.high, None,
                key=_arm_key(uid, "rate"), placeholder="as all", format="%g",
            )  # fmt: skip
            if len(state["arms"]) > 1:
                st.button("Remove this network", key=_arm_key(uid, "remove"), on_click=_remove_arm, args=(uid,))
            normalization = kind if on else st.session_state["arm_off"]
            if own is not None:
                _what_it_takes(own.variants.get(normalization, {}))
    return Arm(normalization, noise, cast(Trick, trick), rate)


def _treatments(uid: int) -> tuple[bool, str]:
    """Noise, and what was done before BatchNorm."""
    return st.toggle(FIELDS["noise"]["title"], key=_arm_key(uid, "noise")), _choice(uid, "trick", "trick")


def _what_it_takes(told: Mapping[str, tuple[str, ...]]) -> None:
    """What is done to a model of somebody's own, and what is left as it is."""
    for heading, name in (("Done to your model", "changes"), ("Left as it is", "left")):
        if told.get(name):
            st.caption(f"{heading}: {escaped(' '.join(told[name]))}")


def _choice(uid: int, part: str, name: str, without: tuple[str, ...] = ()) -> str:
    """A box with the choices for a field of `Arm`."""
    choice: Choice = FIELDS[name]["setting"]
    return str(
        st.selectbox(
            FIELDS[name]["title"],
            [each for each in choice.names if each not in without],
            key=_arm_key(uid, part),
            format_func=choice.title,
            help=FIELDS[name]["help"] or None,
        )
    )


def _remove_arm(uid: int) -> None:
    st.session_state["arms"] = [each for each in st.session_state["arms"] if each != uid]
