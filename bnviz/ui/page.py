"""The page's script: reads the link and the sidebar, keeps the right run alive, and shows it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import streamlit as st

from bnviz.charts.look import PALETTE, sign
from bnviz.config import SETTINGS, RunConfig
from bnviz.config.change import Restart, difference
from bnviz.config.forgiving import forgiving_config
from bnviz.presets import DEFAULT, PRESETS, live
from bnviz.serve.hub import TooManyRuns
from bnviz.serve.run import Run
from bnviz.serve.shared import server
from bnviz.serve.visitors import COOKIE, from_this_machine
from bnviz.source import Kept, Source, Status
from bnviz.ui import arm_rows, component, notice, own_data, sidebar
from bnviz.ui.component import TABS
from bnviz.ui.markdown import escaped

HERE = Path(__file__).parent
OWN_KEYS = ("embed", "embed_options", "run", "tab")
"""Keys of the link that are no settings."""
FIRST_TAB = "layers"


def main() -> None:
    """Draw the page."""
    st.set_page_config("bnviz", page_icon=str(HERE / "icon.png"), layout="wide")
    st.html(f"<style>{_style()}</style>")
    problems: list[str] = []
    if "config" not in st.session_state:
        notice.keep(_read_link())
    _turn_to(server().hub.get(st.session_state.pop("show", "")))
    source = server().hub.get(st.session_state.get("run", ""))
    with st.sidebar:
        st.html('<a class="bnviz-skip" href="#bnviz-view">Skip to the charts</a>')
        st.markdown("# bnviz\nWatch normalization work")
        if source is None or _mine(source):
            source = _follow(source if isinstance(source, Run) else None, problems)
        else:
            _watching_only(source)
    if isinstance(source, Kept) and source.status is Status.KEPT and source.text:
        problems.append(escaped(source.text))  # has names of recordings in it
    notice.draw(problems)
    if source is not None:
        _write_link(source)
        component.draw(source, source.control if isinstance(source, Run) and _mine(source) else None)
    _text(st.session_state["tab"])


def _text(tab: str) -> None:
    """Draw a tab that is not live, below the component; each is imported when it is first looked at."""
    if tab == "presets":
        from bnviz.ui import gallery  # noqa: PLC0415

        gallery.draw(_start_preset)
    elif tab == "recordings":
        from bnviz.ui import recordings  # noqa: PLC0415

        everything = server().local and from_this_machine(st.context.headers)
        recordings.draw(_show, _visitor(), everything)
    elif tab == "selfcheck":
        from bnviz.ui import checks  # noqa: PLC0415

        checks.draw(_visitor())
    elif tab == "about":
        from bnviz.ui import about  # noqa: PLC0415

        about.draw()


def _show(source: Source) -> None:
    """Turn to something else, and draw the page anew."""
    st.session_state["show"] = source.id
    st.rerun()


def _turn_to(source: Source | None) -> None:
    """Look at something else (before the widgets are drawn); one's own run is remembered, to come back to."""
    state = st.session_state
    if source is None:
        return
    before = server().hub.get(state.get("run", ""))
    if before is not None and before is not source and _mine(before):
        state["left"] = before.id
    state["run"], state["tab"], state["turn"] = source.id, FIRST_TAB, state["turn"] + 1
    if (config := _config_of(source)) is not None:
        sidebar.put(config)


def _start_preset(name: str) -> None:
    """Callback: take a preset's settings, in a run of one's own, and look where it shows best."""
    state = st.session_state
    source = server().hub.get(state.get("run", ""))
    if source is not None and not _mine(source):
        del state["run"]
    sidebar.put(live(PRESETS[name].config))
    state["tab"], state["turn"] = PRESETS[name].tab, state["turn"] + 1


@st.cache_resource
def _style() -> str:
    """The page's own style, with each network's marker in its colour before its switch."""
    signs = "".join(
        f".st-key-arm-row-{place}::before {{ content: '{sign(place)}'; color: var(--bnviz-arm-{place}, {color}); }}\n"
        for place, color in enumerate(PALETTE["light"].arms)
    )
    return (HERE / "page.css").read_text() + signs


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
    tab = link.get("tab", PRESETS[name].tab)
    if tab not in TABS:
        problems.append(f"tab must be one of {', '.join(TABS)}, got {tab!r}.")
        tab = FIRST_TAB
    st.session_state["tab"], st.session_state["turn"] = tab, 0
    base, own = live(PRESETS[name].config), server().hub.own_model
    if own is not None and not {"preset", "run", "model"} & set(link):
        base = own.config(base)
    config, fallen = forgiving_config(settings, base)
    if sidebar.offered(config) != config:
        fallen.append("model own is the model that a server was started with (bnviz --model), and this one has none.")
    source = server().hub.get(link.get("run", "" if link else server().hub.front))
    if source is not None:
        st.session_state["run"] = source.id
        config = _config_of(source) or config
    sidebar.put(config)
    if isinstance(source, Run):
        arm_rows.adopt(source, source.labels)
    fallback = " The default is used." if fallen else ""
    return problems + [sentence + fallback for sentence in fallen]


def _visitor() -> str:
    """Who this is: the browser's own cookie, or this session alone where cookies are not kept."""
    cookie = st.context.cookies.get(COOKIE)
    if isinstance(cookie, str):  # AppTest has a mock in its place
        return cookie
    return str(st.session_state.setdefault("visitor", secrets.token_urlsafe(12)))


def _mine(source: Source) -> bool:
    """Whether this visitor may steer it."""
    return isinstance(source, Run) and source.owner == _visitor()


def _config_of(source: Source) -> RunConfig | None:
    """The config of a run as changed so far, or of a recording as it began; None for somebody else's own loop."""
    return source.config if isinstance(source, Run) else source.description.config


def _watching_only(source: Source) -> None:
    """What there is beside the charts of somebody's run, or of a recording."""
    if isinstance(source, Run):
        st.info("You are watching somebody's run.", icon=":material/visibility:")
    else:
        st.info("This is a recording. Play it, or drag the timeline.", icon=":material/movie:")
    config = _config_of(source)
    label = "Start my own with these settings" if config is not None else "Start a run of my own"
    if st.button(label, type="primary"):
        del st.session_state["run"]
        sidebar.put(config or live(PRESETS[DEFAULT].config))
        st.rerun()
    left = server().hub.get(st.session_state.get("left", ""))
    if left is not None and _mine(left) and st.button("Back to my run"):
        _show(left)
    if config is not None:
        told = config.to_dict() | {"dataset": escaped(own_data.title(config.dataset))}
        st.table({name: text for name, text in told.items() if name != "arms"})


def _follow(run: Run | None, problems: list[str]) -> Run | None:
    """Draw the sidebar and bring the run to what they ask for: by a change while it runs, or by a new start."""
    if (label := arm_rows.dropped()) is not None and run is not None and run.status.live:
        run.drop(label)
    known = None if run is None else arm_rows.follow(run)
    if (place := st.session_state.pop("toggle", None)) is not None:
        arm_rows.toggle_normalization(place)
    if (setting := st.session_state.pop("setting", None)) is not None:
        sidebar.take_landscape(setting)
    wanted = sidebar.config_from_sidebar(problems.append)
    added = st.session_state.pop("own_added", None)
    try:
        if run is not None and run.status is Status.FAILED and known == wanted and added == wanted.dataset:
            return server().hub.restart(run)  # what it failed for is here now
        return reconcile(wanted, run, known)
    except TooManyRuns as error:
        problems.append(str(error))
        return run


def reconcile(wanted: RunConfig, run: Run | None, known: RunConfig | None) -> Run:
    """The run that should be alive, given what the sidebar asks for, and the run's config as the sidebar knew it."""
    if run is not None and known == wanted:
        return run
    if run is not None and known is not None and run.status.live:
        changes = difference(known, wanted)
        if not isinstance(changes, Restart):
            st.toast("Changed while running, with no reset.", icon=":material/bolt:")
            run.become(wanted, changes, arm_rows.labels())
            return run
        st.toast(_started_anew(run.config, wanted, changes.because_of), icon=":material/restart_alt:")
    started = server().hub.start(wanted, _visitor(), instead_of=run, for_viewers=run is None)
    st.session_state["run"] = started.id
    arm_rows.adopt(started, started.labels)
    return started


def _started_anew(before: RunConfig, now: RunConfig, because_of: Iterable[str]) -> str:
    """Why a run starts anew, and what else is set anew with it: a data set brings the values that suit it."""
    stuck = set(because_of)
    along = [name for name in sidebar.FIELDS if name not in stuck and getattr(now, name) != getattr(before, name)]
    along = [name for name in along if name != "arms"]
    set_too = ", ".join(f"{_words([name])} {_written(getattr(now, name))}" for name in along)
    return f"Started anew with another {_words(because_of)}{f'; with it, {set_too}' if set_too else ''}."


def _written(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


def _words(names: Iterable[str]) -> str:
    titles = {name: str(field.metadata["title"]).lower() for name, field in sidebar.FIELDS.items()}
    return ", ".join(titles[name] for name in names)


def _write_link(source: Source) -> None:
    tab, config = st.session_state["tab"], _config_of(source)
    settings = dict(parse_qsl(config.to_query())) if config is not None else {}
    wanted = settings | {"run": source.id} | ({"tab": tab} if tab != FIRST_TAB else {})
    kept = {name: text for name, text in st.query_params.to_dict().items() if name in ("embed", "embed_options")}
    if st.query_params.to_dict() != wanted | kept:
        st.query_params.from_dict(wanted | kept)


if __name__ == "__main__":
    main()
