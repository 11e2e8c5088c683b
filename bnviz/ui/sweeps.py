"""The tab "Sweep": one question over many runs, trained and judged while one looks."""

from __future__ import annotations

import streamlit as st

from bnviz.charts.look import Theme
from bnviz.config import RunConfig
from bnviz.serve.shared import server
from bnviz.serve.sweeps import PageSweep, Refused
from bnviz.source import Status
from bnviz.sweeping.pictures import pressable
from bnviz.sweeping.plan import Plan
from bnviz.sweeping.published import OUTCOME, PUBLISHED
from bnviz.sweeping.results import OUTCOMES, Sweep
from bnviz.ui import sweep_plan
from bnviz.ui.markdown import escaped
from bnviz.ui.sweep_plan import duration
from bnviz.ui.visiting import visitor

INTRO = """One run answers what happens at one place. A sweep trains the networks of the sidebar for every combination
of the values below, over several seeds, and tells where the second network does better than the first."""
OFF = """**Sweeps are not trained on this server.** Whoever runs it can allow them (`bnviz --sweeps 2`). In a terminal
of your own, `bnviz sweep --grid depth=2,6,20 --grid learning_rate=0.01..3:log7 --out sweep/` does the same."""
FIRST = "The first are being trained; they are faster while the run above is paused."
LOOK_SECONDS = 2.0
MOST_REASONS = 3
NO_BUTTONS = {"displayModeBar": False}


def draw() -> None:
    """Draw the tab."""
    with st.container(key="sweep"):
        found = server().sweeps.of(visitor())
        if found is not None:
            _draw_sweep(found)
        elif not server().sweeps.processes:
            st.info(OFF, icon=":material/grid_view:")
        else:
            st.markdown(INTRO)
            sweep_plan.draw(_start)


def _start(plan: Plan) -> None:
    try:
        for config in {cell.place: cell.config for cell in plan.cells}.values():
            server().hub.admission.check(config)
        server().sweeps.start(visitor(), plan)
    except (Refused, RuntimeError) as error:
        st.error(escaped(str(error)), icon=":material/error:")
    except OSError as error:
        st.error(escaped(f"What a sweep finds cannot be kept: {error.strerror or error}."), icon=":material/error:")
    else:
        published = any(each.plan == plan for each in PUBLISHED.values())
        st.session_state["sweep_outcome"] = OUTCOME if published else next(iter(OUTCOMES))
        st.rerun()


def _draw_sweep(found: PageSweep) -> None:
    outcome = _head(found)
    known = found.status
    busy = known in (Status.RUNNING, Status.WAITING)

    @st.fragment(run_every=LOOK_SECONDS if busy else None)
    def follow() -> None:
        if found.status is not known or "open_config" in st.session_state:
            st.rerun()
        _progress(found)
        if any(not each.error for each in found.outcomes.values()):
            _results(found, outcome)
        elif found.outcomes:
            _reasons(found.sweep)

    follow()


def _head(found: PageSweep) -> str:
    """What is swept, the buttons, and the outcome that is asked for."""
    sweeps, me = server().sweeps, visitor()
    values = "; ".join(f"**{escaped(name)}** {escaped(', '.join(map(str, each)))}" for name, each in found.plan.grid)
    st.markdown(f"{values}, over {found.plan.seeds} seeds, {found.plan.base.steps:,} updates each.")
    with st.container(horizontal=True, vertical_alignment="bottom", key="sweep-row"):
        outcome = str(
            st.selectbox(
                "Outcome", OUTCOMES, key="sweep_outcome", format_func=lambda name: OUTCOMES[name].title, width=320
            )
        )
        if found.status in (Status.RUNNING, Status.WAITING):
            st.button("Pause", key="sweep-pause", on_click=sweeps.pause, args=(me,))
            st.button("Cancel", key="sweep-cancel", on_click=sweeps.cancel, args=(me,))
        elif not found.whole:
            st.button("Go on", key="sweep-go-on", type="primary", on_click=sweeps.go_on, args=(me,))
        if found.status not in (Status.RUNNING, Status.WAITING):
            st.button("Another sweep", key="sweep-another", on_click=sweeps.forget, args=(me,))
    return outcome


def _progress(found: PageSweep) -> None:
    ended, all_runs = len(found.outcomes), len(found.plan.cells)
    left = found.seconds_left
    doing = {
        Status.WAITING: found.text,
        Status.RUNNING: FIRST,
        Status.PAUSED: found.text or "Paused.",
        Status.FINISHED: "All trained.",
    }
    told = doing.get(found.status, "") if left is None else f"About {duration(left)} left."
    if found.status in (Status.FAILED, Status.STOPPED):
        st.warning(escaped(found.text), icon=":material/warning:")
    st.progress(ended / all_runs, f"{ended} of {all_runs} runs. {escaped(told)}")


def _results(found: PageSweep, outcome: str) -> None:
    sweep = found.sweep
    theme: Theme = "dark" if st.context.theme.type == "dark" else "light"
    known = next((each for each in PUBLISHED.values() if each.plan == found.plan), None)
    figure = known.figure(sweep) if known and outcome == OUTCOME else sweep.figure(outcome, theme=theme)
    with st.container(key="sweep-picture"):
        st.plotly_chart(
            pressable(figure, sweep, None, None), key="sweep_figure", on_select=_take_pressed,
            selection_mode="points", config=NO_BUTTONS,
        )  # fmt: skip
    if known and found.whole:
        came, told = known.judge(sweep)
        (st.success if came else st.warning)(
            escaped(f"{'As published' if came else 'Not as published'}. {told}"), icon=":material/article:"
        )
    if len(sweep.base.labels) > 1:
        st.markdown(escaped(sweep.verdict(outcome)).replace("\n", "  \n"))
        with st.expander("Place by place"):
            st.dataframe(sweep.compared(outcome), hide_index=True)
    if found.status is not Status.RUNNING:
        _more_pictures(sweep, outcome, theme)
    table = sweep.to_dataframe()
    table["link"] = str(st.context.url).partition("?")[0] + table["link"]
    with st.expander("All runs"):
        link = st.column_config.LinkColumn("live run", display_text="open")
        st.dataframe(table, hide_index=True, column_config={"link": link}, column_order=["link", *table.columns[:-1]])
    with st.container(horizontal=True):
        st.download_button(
            "Table (Parquet)", lambda: sweep.to_dataframe().to_parquet(index=False), "sweep.parquet", on_click="ignore"
        )
        st.download_button(
            "Picture (HTML)", lambda: sweep.figure(outcome).to_html(include_plotlyjs=True), "sweep.html",
            on_click="ignore",
        )  # fmt: skip
    _reasons(sweep)


def _more_pictures(sweep: Sweep, outcome: str, theme: Theme) -> None:
    """What there is time to look at once nothing grows any more."""
    with st.expander("Along the last axis, with bands over seeds"), st.container(key="sweep-lines"):
        st.plotly_chart(sweep.lines(outcome, theme=theme), key="sweep_lines", config=NO_BUTTONS)
    if len(sweep.axes) > 1 and len(sweep.base.labels) > 1:
        with st.expander("Where the second network helps"), st.container(key="sweep-verdicts"):
            st.plotly_chart(sweep.figure_of_verdicts(outcome, theme=theme), key="sweep_verdicts", config=NO_BUTTONS)


def _reasons(sweep: Sweep) -> None:
    """Why runs have no result."""
    if failed := sweep.failed:
        some = "  \n".join(
            escaped(f"{', '.join(f'{name} {value}' for name, value in cell.place)}, seed {cell.config.seed}: {reason}")
            for cell, reason in [*failed.items()][:MOST_REASONS]
        )
        st.warning(f"{len(failed)} runs have no result.  \n{some}", icon=":material/warning:")


def _take_pressed() -> None:
    """Callback: the page is to open the run of the cell that was pressed."""
    points = st.session_state["sweep_figure"].selection.points
    if points and isinstance(query := points[0].get("customdata"), str):
        st.session_state["open_config"] = RunConfig.from_query(query)
