"""Where a host passes on Streamlit's own addresses alone: the page brings the live component what it cannot fetch."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import streamlit as st

from bnviz import charts
from bnviz.charts.scene import View
from bnviz.serve import health, player
from bnviz.serve.looking import attend
from bnviz.serve.messages import scene_message, scene_of
from bnviz.serve.run import Run
from bnviz.serve.shared import server
from bnviz.serve.sockets import steer
from bnviz.source import Source
from bnviz.ui import arm_rows

EVERY = 0.25
"""Seconds from one message to the next, of which each is a whole scene."""
PASS_ON = """export default ({ data, setTriggerValue }) => {
  const detail = { ...data, pass: (message) => setTriggerValue("send", message) };
  document.querySelector(".bnviz-player")?.dispatchEvent(new CustomEvent("bnviz-passed-on", { detail }));
};"""
"""A component of its own: a component's script goes with each of its messages, and that of the live one is long."""


def hidden(what: str) -> bool:
    """Whether the host hides `socket` or `plotly`, as the component has found."""
    return what in st.session_state.get("hidden", ())


def take_hidden(found: object) -> None:
    """The component has found out what is hidden, or that it is no longer."""
    if isinstance(found, dict):
        st.session_state["hidden"] = {what for what in ("socket", "plotly") if found.get(what) is True}


def draw(source: Source, control: str | None) -> None:
    """Pass on what is hidden; control: the key to steering the run, for its owner."""
    with st.container(key="passing"):
        if hidden("plotly"):
            _plotly()(key="plotly")
        if hidden("socket"):
            st.session_state.setdefault("feed", object())
            st.fragment(_pass_on, run_every=EVERY)(source, control)


def _pass_on(source: Source, control: str | None) -> None:
    tab: str = st.session_state["tab"]
    asked = asdict(View.from_dict(st.session_state.get("view")))
    view = View.from_dict(asked | {"tab": tab, "away": tab not in charts.TABS})
    now = server().hub.get(source.id) or source  # the same, or the one that took its place
    if isinstance(now, Run):
        now.glimpse()
        if control and set(now.labels) != set(arm_rows.labels()):
            st.rerun()  # the sidebar has to follow
    seek = st.session_state.get("seek")
    if control is not None:
        server().lead(now, view, seek)
    attend(now, st.session_state["feed"], [(view, control)], seconds=10 * EVERY)
    message = {"type": "scene", **scene_message(now, scene_of(now, seek, view.solo), view, seek)}
    _messenger()(
        key="passed", data={"message": message, "health": health.report(server())}, on_send_change=_take_message
    )


def _take_message() -> None:
    """What the component would have sent through its socket."""
    message: Any = st.session_state["passed"].send
    source = server().hub.get(st.session_state.get("run", ""))
    if not isinstance(message, dict) or source is None:
        return
    for name in ("view", "seek"):
        if name in message:
            st.session_state[name] = message[name]
    if isinstance(by := message.get("move"), int):
        st.session_state["seek"] = source.history.moved(st.session_state.get("seek"), by)
    steer(server(), source, message)


@st.cache_resource
def _messenger() -> Any:
    return st.components.v2.component("bnviz.passing", js=PASS_ON)


@st.cache_resource
def _plotly() -> Any:
    """plotly.js as a component that draws nothing: it comes with the page, once."""
    script = f"{player.plotly()}\nexport default () => {{}};"
    return st.components.v2.component("bnviz.plotly", js=script)
