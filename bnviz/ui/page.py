"""The page's script: reads the link and the controls, keeps the right run alive, and shows it."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from bnviz import server
from bnviz.config import SETTINGS, RunConfig, forgiving_config, live_changes
from bnviz.hub import Run, TooManyRuns
from bnviz.palette import PALETTE
from bnviz.presets import DEFAULT, PRESETS, live
from bnviz.scene import View
from bnviz.stream import scene_message, scene_of
from bnviz.ui import controls

HERE = Path(__file__).parent
SCRIPTS = ("panels.js", "player.js")  # a component is one script; these are its two halves
OWN_KEYS = ("embed", "embed_options", "run")
"""Keys of the link that are no settings."""


def main() -> None:
    """Draw the page."""
    st.set_page_config("bnviz", page_icon=str(HERE / "icon.png"), layout="wide")
    st.html(f"<style>{_style()}</style>")
    problems = _read_link() if "config" not in st.session_state else []
    run = server.hub.get(st.session_state.get("run", ""))
    mine = run is None or run.owner == _visitor()
    with st.sidebar:
        st.markdown("## bnviz\nWatch normalization work")
        if run is not None and not mine:
            _watching_only(run)
        else:
            run = _follow(run, problems)
    for problem in problems:
        st.warning(problem, icon=":material/info:")
    if run is not None:
        _write_link(run)
        _player(run, mine)


@st.cache_resource
def _style() -> str:
    """The page's own style, with a dot in each network's colour before its switch."""
    dots = "".join(
        f".st-key-arm-row-{place}::before {{ background: var(--bnviz-arm-{place}, {color}); }}\n"
        for place, color in enumerate(PALETTE["light"].arms)
    )
    return (HERE / "page.css").read_text() + dots


def _read_link() -> list[str]:
    """Take the settings from the link, each that is allowed; return a sentence for each that is not."""
    link = st.query_params.to_dict()
    settings = {name: text for name, text in link.items() if name in SETTINGS}
    unknown = [name for name in link if name not in SETTINGS and name not in (*OWN_KEYS, "preset")]
    problems = [f"Unknown setting {name!r} in the link. Settings: {', '.join(SETTINGS)}." for name in unknown]
    name = link.get("preset", DEFAULT)
    if name not in PRESETS:
        problems.append(f"preset must be one of {', '.join(PRESETS)}, got {name!r}.")
        name = DEFAULT
    config, fallen = forgiving_config(settings, live(PRESETS[name].config))
    run = server.hub.get(link.get("run", ""))
    if run is not None:
        st.session_state["run"] = run.id
        config = run.config
    controls.put(config)
    fallback = " The default is used." if fallen else ""
    return problems + [sentence + fallback for sentence in fallen]


def _visitor() -> str:
    """Who this is: the browser's own cookie, or this session alone where cookies are not kept."""
    cookie = st.context.cookies.get(server.VISITOR_COOKIE)
    if isinstance(cookie, str):  # AppTest has a mock in its place
        return cookie
    return str(st.session_state.setdefault("visitor", secrets.token_urlsafe(12)))


def _watching_only(run: Run) -> None:
    st.info("You are watching somebody's run.", icon=":material/visibility:")
    if st.button("Start my own with these settings", type="primary"):
        del st.session_state["run"]
        controls.put(run.config)
        st.rerun()
    st.table({name: text for name, text in run.config.to_dict().items() if name != "arms"})


def _follow(run: Run | None, problems: list[str]) -> Run | None:
    """Draw the controls and bring the run to what they ask for: by a change while it runs, or by a new start."""
    if (place := st.session_state.pop("toggle", None)) is not None:
        controls.toggle_normalization(place)
    wanted = controls.config_from_sidebar(problems.append)
    try:
        return reconcile(wanted, run)
    except TooManyRuns as error:
        problems.append(str(error))
        return run


def reconcile(wanted: RunConfig, run: Run | None) -> Run:
    """The run that should be alive, given what the controls ask for."""
    if run is not None and run.config == wanted:
        return run
    if run is not None and run.worker is not None:
        try:
            live_changes(run.config, wanted)
        except ValueError as error:
            st.toast(f"Started anew with another {_words(str(error))}.", icon=":material/restart_alt:")
        else:
            st.toast("Changed while running, with no reset.", icon=":material/bolt:")
            run.become(wanted)
            return run
    started = server.hub.start(wanted, _visitor(), instead_of=run)
    st.session_state["run"] = started.id
    return started


def _words(names: str) -> str:
    titles = {name: str(field.metadata["title"]).lower() for name, field in controls.FIELDS.items()}
    return ", ".join(titles[name] for name in names.split(", "))


def _write_link(run: Run) -> None:
    wanted = dict(parse_qsl(run.config.to_query())) | {"run": run.id}
    kept = {name: text for name, text in st.query_params.to_dict().items() if name in ("embed", "embed_options")}
    if st.query_params.to_dict() != wanted | kept:
        st.query_params.from_dict(wanted | kept)


@st.cache_resource
def _component() -> Any:
    """The live component."""
    return st.components.v2.component(
        "bnviz.player",
        html='<div class="bnviz-player"></div>',
        css=(HERE / "player.css").read_text(),
        js="\n".join((HERE / name).read_text() for name in SCRIPTS),
        isolate_styles=False,
    )


def _player(run: Run, mine: bool) -> None:
    """Mount the live component; where its socket cannot be opened, feed it from a fragment instead."""
    link = run.config.to_query() + "&" + urlencode({"run": run.id})
    data = {
        "socket": server.socket_path(run),
        "plotly": "/bnviz/plotly.min.js",
        "run": run.id,
        "control": run.control if mine else None,
        "link": "?" + link,
    }
    if not st.session_state.get("no_socket"):
        _mount(data)
        return

    @st.fragment(run_every=0.3)
    def feed() -> None:
        view = View.from_dict(st.session_state.get("view"))
        scene = scene_of(run, st.session_state.get("seek"))
        _mount(data | {"message": {"type": "scene", **scene_message(run, scene, view)}})

    feed()


def _mount(data: dict[str, Any]) -> None:
    _component()(
        key="player",
        data=data,
        on_toggle_change=_take_toggle,
        on_unreachable_change=_take_unreachable,
        on_send_change=_take_message,
    )


def _take_toggle() -> None:
    st.session_state["toggle"] = st.session_state["player"].toggle


def _take_unreachable() -> None:
    st.session_state["no_socket"] = True


def _take_message() -> None:
    """What the component would have sent through its socket, where there is none."""
    message = st.session_state["player"].send
    run = server.hub.get(st.session_state.get("run", ""))
    if not isinstance(message, dict) or run is None:
        return
    for name in ("view", "seek"):
        if name in message:
            st.session_state[name] = message[name]
    server.steer(run, message)


if __name__ == "__main__":
    main()
