"""The live component on the page: what it is given, and what it asks for."""

from __future__ import annotations

from typing import Any

import streamlit as st

from bnviz import charts
from bnviz.config import AS_IS, MAX_ARMS
from bnviz.config.arm import ARM_SETTINGS
from bnviz.config.settings import Choice
from bnviz.serve import player
from bnviz.serve.audience import lan_address
from bnviz.serve.run import Run
from bnviz.serve.sockets import path_of
from bnviz.source import Source
from bnviz.ui import arm_rows, lessons, passing

PLAIN_TABS = {
    "presets": "Presets", "lessons": "Lessons", "sweep": "Sweep", "recordings": "Recordings",
    "selfcheck": "Self-check",
    "about": "What is this?",
}  # fmt: skip
"""Names and titles of the tabs that the live component does not draw."""
TABS = {name: tab.title for name, tab in charts.TABS.items()} | PLAIN_TABS

FIRST_TAB = "layers"


def open_tab(tab: str) -> None:
    """Open a tab, also where the component has another one open."""
    st.session_state["tab"], st.session_state["turn"] = tab, st.session_state["turn"] + 1


def draw(source: Source, control: str | None) -> None:
    """Mount the component, and bring it what it cannot fetch.

    control: the key to steering the run, for its owner.
    """
    _mount(_data(source, control))
    passing.draw(source, control)


def _data(source: Source, control: str | None) -> dict[str, Any]:
    """What the component is given, whatever is drawn."""
    return {
        "socket": path_of(source),
        "plotly": player.PLOTLY,
        "run": source.id,
        "control": control,
        "kept": not isinstance(source, Run),
        "arms": list(arm_rows.labels()),
        "mostArms": MAX_ARMS,
        "normalizations": _normalizations(source),
        "tabs": _tabs(),
        "tab": st.session_state["tab"],
        "turn": st.session_state["turn"],
        "fixed": "arms" in lessons.hidden(),
        "lesson": lessons.told() if control is not None else None,
        "address": lan_address(),
    }


def _tabs() -> list[dict[str, Any]]:
    """What the row of tabs is made of."""
    return [
        {"name": name, "title": title, "live": name in charts.TABS, "hidden": _hides(name)}
        for name, title in TABS.items()
    ]


def _hides(tab: str) -> bool:
    """Whether a tab is not offered; the one that is open is seen on the page all the same."""
    names = lessons.hidden()
    return bool({tab, "tabs"} & names) or (tab in PLAIN_TABS and "texts" in names)


def _normalizations(source: Source) -> list[dict[str, str]]:
    """What a fork may have in the place of its normalization."""
    choice = ARM_SETTINGS["normalization"]
    assert isinstance(choice, Choice)
    config = source.description.config
    own = config is not None and config.model == "own"
    return [{"value": name, "text": choice.title(name)} for name in choice.names if own or name != AS_IS]


@st.cache_resource
def _component() -> Any:
    """The live component."""
    return st.components.v2.component(
        "bnviz.player",
        html='<div class="bnviz-player"></div>',
        css=player.style(),
        js=player.script(),
        isolate_styles=False,
    )


def _mount(data: dict[str, Any]) -> None:
    _component()(
        key="player",
        data=data,
        on_tab_change=_take_tab,
        on_toggle_change=_take_toggle,
        on_setting_change=_take_setting,
        on_lesson_change=_take_lesson,
        on_unreachable_change=_take_unreachable,
        on_arms_change=_nothing,
    )


def _take_toggle() -> None:
    st.session_state["toggle"] = st.session_state["player"].toggle


def _take_tab() -> None:
    tab = st.session_state["player"].tab
    if isinstance(tab, str) and tab in TABS:
        st.session_state["tab"] = tab


def _take_setting() -> None:
    st.session_state["setting"] = st.session_state["player"].setting


def _take_lesson() -> None:
    st.session_state["lesson_wish"] = st.session_state["player"].lesson


def _nothing() -> None:
    """The page runs anew, and its sidebar follows the run's arms."""


def _take_unreachable() -> None:
    passing.take_hidden(st.session_state["player"].unreachable)
