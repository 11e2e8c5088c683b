"""The page's script: reads the link and the sidebar, keeps the right run alive, and shows it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from bnviz.charts.look import PALETTE, sign
from bnviz.config import RunConfig
from bnviz.config.change import Restart, difference
from bnviz.presets import DEFAULT, PRESETS, live
from bnviz.serve.admission import TooLarge, TooManyRuns
from bnviz.serve.run import Run
from bnviz.serve.shared import server
from bnviz.source import Kept, Source, Status
from bnviz.ui import arm_rows, component, course, lessons, link, notice, own_data, sidebar, waiting
from bnviz.ui.component import FIRST_TAB
from bnviz.ui.markdown import escaped
from bnviz.ui.visiting import config_of, mine, visitor

HERE = Path(__file__).parent


def main() -> None:
    """Draw the page."""
    st.set_page_config("bnviz", page_icon=str(HERE / "icon.png"), layout="wide")
    st.html(f"<style>{_style()}</style>")
    problems: list[str] = []
    if "config" not in st.session_state:
        notice.keep(link.read())
    _turn_to(server().hub.get(st.session_state.pop("show", "")))
    if (config := st.session_state.pop("open_config", None)) is not None:
        _open_run(config)
    source = server().hub.get(st.session_state.get("run", ""))
    with st.sidebar:
        st.markdown("# bnviz\nWatch normalization work")
        if source is None or mine(source):
            source = _follow(source if isinstance(source, Run) else None, problems)
        else:
            _watching_only(source)
    if isinstance(source, Kept) and source.status is Status.KEPT and source.text:
        problems.append(source.text)
    notice.draw(problems)
    waiting.draw(source, _show)
    if source is not None:
        link.write(source)
        component.draw(source, source.control if isinstance(source, Run) and mine(source) else None)
    _text(st.session_state["tab"])


def _text(tab: str) -> None:
    """Draw a tab that is not live, below the component; each is imported when it is first looked at."""
    if tab == "presets":
        from bnviz.ui import gallery  # noqa: PLC0415  when its tab is first looked at

        gallery.draw(_start_preset)
    elif tab == "lessons":
        lessons.draw(_start_lesson)
    elif tab == "sweep":
        from bnviz.ui import sweeps  # noqa: PLC0415  when its tab is first looked at

        sweeps.draw()
    elif tab == "recordings":
        from bnviz.ui import recordings  # noqa: PLC0415  when its tab is first looked at

        recordings.draw(_show)
    elif tab == "selfcheck":
        from bnviz.ui import checks  # noqa: PLC0415  when its tab is first looked at

        checks.draw(visitor())
    elif tab == "about":
        from bnviz.ui import about  # noqa: PLC0415  when its tab is first looked at

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
    if before is not None and before is not source and mine(before):
        state["left"] = before.id
    state["run"], state["tab"], state["turn"] = source.id, FIRST_TAB, state["turn"] + 1
    if (config := config_of(source)) is not None:
        sidebar.put(config)
    if isinstance(source, Run):
        arm_rows.adopt(source, source.labels)


def _start_preset(name: str) -> None:
    """Callback: take a preset's settings, in a run of one's own, and look where it shows best."""
    _forget_others_run()
    st.session_state.pop("progress", None)
    sidebar.put(live(PRESETS[name].config))
    component.open_tab(PRESETS[name].tab)


def _open_run(config: RunConfig) -> None:
    """Start a run of one's own with these very settings (before the widgets are drawn), and look at it."""
    _forget_others_run()
    sidebar.put(config)
    component.open_tab(FIRST_TAB)


def _start_lesson(name: str) -> None:
    """Callback: begin a lesson, in a run of one's own."""
    _forget_others_run()
    course.begin(name)


def _forget_others_run() -> None:
    source = server().hub.get(st.session_state.get("run", ""))
    if source is not None and not mine(source):
        del st.session_state["run"]


@st.cache_resource
def _style() -> str:
    """The page's own style, with each network's marker in its colour before its switch."""
    signs = "".join(
        f".st-key-arm-row-{place}::before {{ content: '{sign(place)}'; color: var(--bnviz-arm-{place}, {color}); }}\n"
        for place, color in enumerate(PALETTE["light"].arms)
    )
    return (HERE / "page.css").read_text() + signs


def _watching_only(source: Source) -> None:
    """What there is beside the charts of somebody's run, or of a recording."""
    if isinstance(source, Run):
        st.info("You are watching somebody's run.", icon=":material/visibility:")
    else:
        st.info("This is a recording. Play it, or drag the timeline.", icon=":material/movie:")
    config = config_of(source)
    label = "Start my own with these settings" if config is not None else "Start a run of my own"
    if st.button(label, type="primary"):
        del st.session_state["run"]
        sidebar.put(config or live(PRESETS[DEFAULT].config))
        st.rerun()
    left = server().hub.get(st.session_state.get("left", ""))
    if left is not None and mine(left) and st.button("Back to my run"):
        _show(left)
    if config is not None:
        told = config.to_dict() | {"dataset": escaped(own_data.title(config.dataset))}
        st.table({name: text for name, text in told.items() if name != "arms"})


def _follow(run: Run | None, problems: list[str]) -> Run | None:
    """Draw the sidebar and bring the run to what they ask for: by a change while it runs, or by a new start."""
    if run is not None:
        server().hub.welcome(run)
    plays, hidden = course.follow(run), lessons.hidden()
    known = None if run is None else arm_rows.follow(run)
    if (place := st.session_state.pop("toggle", None)) is not None and "arms" not in hidden:
        arm_rows.toggle_normalization(place)
    if (setting := st.session_state.pop("setting", None)) is not None and "landscape" not in hidden:
        sidebar.take_landscape(setting)
    wanted = sidebar.config_from_sidebar(problems.append)
    added = st.session_state.pop("own_added", None)
    try:
        if run is not None and run.status is Status.FAILED and known == wanted and added == wanted.dataset:
            return server().hub.restart(run)  # what it failed for is here now
        found = reconcile(wanted, run, None if st.session_state.pop("anew", False) else known)
        if plays and found.status in (Status.STARTING, Status.WAITING, Status.RUNNING, Status.PAUSED):
            found.command("play")
        return found
    except (TooLarge, TooManyRuns) as error:
        problems.append(str(error))
        return run


def reconcile(wanted: RunConfig, run: Run | None, known: RunConfig | None) -> Run:
    """The run that should be alive, given what the sidebar asks for, and the run's config as the sidebar knew it.

    known: None starts a new one in any case.
    """
    if run is not None and known == wanted:
        return run
    if run is not None and known is not None and run.status.live:
        changes = difference(known, wanted)
        if not isinstance(changes, Restart):
            _say("Changed while running, with no reset.", icon=":material/bolt:")
            run.become(wanted, changes, arm_rows.labels())
            return run
        _say(notice.started_anew(run.config, wanted, changes.because_of), icon=":material/restart_alt:")
    started = server().hub.start(wanted, visitor(), instead_of=run, for_viewers=run is None, rest_at=lessons.rest_at())
    st.session_state["run"] = started.id
    arm_rows.adopt(started, started.labels)
    return started


def _say(text: str, icon: str) -> None:
    """A word on what happened to the run; in a lesson the lesson says it."""
    if lessons.progress() is None:
        st.toast(text, icon=icon)


if __name__ == "__main__":
    main()
