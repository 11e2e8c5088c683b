"""The networks in the sidebar: a row each, with its switch and what else is particular to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast, get_args

import streamlit as st

from bnviz.config import MAX_ARMS, NORMALIZATION_TITLES, Arm, Normalization, Trick

TRICKS = {"none": "nothing", "auxiliary": "auxiliary losses", "pretrain": "pre-training"}


def put(arms: Iterable[Arm]) -> None:
    """Make the widgets show these arms (before they are drawn)."""
    given = list(arms)
    st.session_state["arms"] = list(range(len(given)))
    for uid, arm in enumerate(given):
        _put_arm(uid, arm)


def toggle_normalization(place: int) -> None:
    """Flip normalization of the arm at a place, as its switch does (before the widgets are drawn)."""
    uids = st.session_state["arms"]
    if 0 <= place < len(uids):
        key = _arm_key(uids[place], "on")
        st.session_state[key] = not st.session_state[key]


def arms() -> tuple[Arm, ...]:
    """The networks side by side: a row each, with its switch and what else is particular to it."""
    state = st.session_state
    st.markdown("Networks, side by side", help="A switch acts at once, in the running network, with no reset.")
    found = tuple(_arm_row(place, uid) for place, uid in enumerate(list(state["arms"])))

    def add() -> None:
        uid = max(state["arms"]) + 1
        _put_arm(uid, Arm("batch"))
        state["arms"] = [*state["arms"], uid]

    if len(found) < MAX_ARMS:
        st.button("Add a network", icon=":material/add:", type="tertiary", on_click=add, key="add_arm")
    return found


def _arm_key(uid: int, part: str) -> str:
    return f"arm{uid}_{part}"


def _put_arm(uid: int, arm: Arm) -> None:
    state = st.session_state
    state[_arm_key(uid, "on")] = arm.normalization != "none"
    state[_arm_key(uid, "kind")] = arm.normalization if arm.normalization != "none" else "batch"
    state[_arm_key(uid, "noise")] = arm.noise
    state[_arm_key(uid, "trick")] = arm.trick
    state[_arm_key(uid, "rate")] = arm.learning_rate


def _arm_row(place: int, uid: int) -> Arm:
    state = st.session_state
    for part, default in (("on", True), ("kind", "batch"), ("noise", False), ("trick", "none"), ("rate", None)):
        state.setdefault(_arm_key(uid, part), default)
    kind = state[_arm_key(uid, "kind")]
    with st.container(horizontal=True, vertical_alignment="center", key=f"arm-row-{place}"):
        on = st.toggle(NORMALIZATION_TITLES[kind], key=_arm_key(uid, "on"), width="stretch")
        with st.popover(f"More on network {place + 1}", icon=":material/tune:", type="tertiary"):
            kinds = [name for name in NORMALIZATION_TITLES if name != "none"]
            kind = st.selectbox(
                "Normalization", kinds, key=_arm_key(uid, "kind"), format_func=NORMALIZATION_TITLES.__getitem__
            )
            noise = st.toggle("Noise after it", key=_arm_key(uid, "noise"))
            trick = st.selectbox(
                "From before BatchNorm",
                get_args(Trick),
                key=_arm_key(uid, "trick"),
                format_func=TRICKS.__getitem__,
                help="Auxiliary classifiers at a third and two thirds of the depth, or growing from a shallow net. "
                "A change starts anew.",
            )
            rate = st.number_input(
                "Learning rate of its own", 0.0, 1000.0, None, key=_arm_key(uid, "rate"), placeholder="as all",
                format="%g",
            )  # fmt: skip
            if len(state["arms"]) > 1:
                st.button("Remove this network", key=_arm_key(uid, "remove"), on_click=_remove_arm, args=(uid,))
    return Arm(cast(Normalization, kind if on else "none"), noise, cast(Trick, trick), rate)


def _remove_arm(uid: int) -> None:
    st.session_state["arms"] = [each for each in st.session_state["arms"] if each != uid]
