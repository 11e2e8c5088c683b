"""The page's link: settings, the run, the tab and the place in a lesson, read once and kept up to date."""

from __future__ import annotations

from urllib.parse import parse_qsl

import streamlit as st

from bnviz.config import SETTINGS
from bnviz.config.forgiving import forgiving_config
from bnviz.presets import DEFAULT, PRESETS, live
from bnviz.serve.run import Run
from bnviz.serve.shared import server
from bnviz.source import Source
from bnviz.ui import arm_rows, lessons, sidebar
from bnviz.ui.component import FIRST_TAB, TABS
from bnviz.ui.visiting import config_of, mine

OWN_KEYS = ("embed", "embed_options", "run", "tab", *lessons.LINK)
"""Keys of the link that are no settings."""


def read() -> list[str]:
    """Take the settings from the link, each that is allowed; return a sentence for each that is not."""
    link = st.query_params.to_dict()
    told = lessons.read_link(link)
    here = lessons.progress()
    settings = {name: text for name, text in link.items() if name in SETTINGS}
    unknown = [name for name in link if name not in SETTINGS and name not in (*OWN_KEYS, "preset")]
    problems = [f"Unknown setting {name!r} in the link. Settings: {', '.join(SETTINGS)}." for name in unknown]
    name = link.get("preset", DEFAULT)
    if name not in PRESETS:
        problems.append(f"preset must be one of {', '.join(PRESETS)}, got {name!r}.")
        name = DEFAULT
    tab = link.get("tab", (here.step.tab if here is not None else "") or PRESETS[name].tab)
    if tab not in TABS:
        problems.append(f"tab must be one of {', '.join(TABS)}, got {tab!r}.")
        tab = FIRST_TAB
    st.session_state["tab"], st.session_state["turn"] = tab, 0
    asks = here is not None or "answer" in link
    base, own = PRESETS[name].config if asks else live(PRESETS[name].config), server().hub.own_model
    if here is not None:
        base = here.config
    elif own is not None and not {"preset", "run", "model"} & set(link):
        base = own.config(base)
    config, fallen = forgiving_config(settings, base)
    if sidebar.offered(config) != config:
        fallen.append("model own is the model that a server was started with (bnviz --model), and this one has none.")
    told += lessons.read_question(link, config)
    source = server().hub.get(link.get("run", "" if link else server().hub.front))
    if source is not None and (lessons.progress() is None or mine(source)):  # a lesson is about a run of one's own
        st.session_state["run"] = source.id
        st.session_state.pop("rest_at", None)  # it is under way
        config = config_of(source) or config
    sidebar.put(config)
    if isinstance(source, Run) and st.session_state.get("run") == source.id:
        arm_rows.adopt(source, source.labels)
    fallback = " The default is used." if fallen else ""
    return problems + told + [sentence + fallback for sentence in fallen]


def write(source: Source) -> None:
    """Make the link one that brings back what is seen now."""
    tab, config = st.session_state["tab"], config_of(source)
    settings = dict(parse_qsl(config.to_query())) if config is not None else {}
    wanted = settings | {"run": source.id} | ({"tab": tab} if tab != FIRST_TAB else {}) | lessons.link()
    kept = {name: text for name, text in st.query_params.to_dict().items() if name in ("embed", "embed_options")}
    if st.query_params.to_dict() != wanted | kept:
        st.query_params.from_dict(wanted | kept)
