"""What a sweep is to be: axes and values, seeds and updates; how many runs that makes, and how long they take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from bnviz.config import SETTINGS, TITLES, RunConfig
from bnviz.config.settings import Choice
from bnviz.serve.shared import server
from bnviz.sweeping.plan import NO_AXES, Plan, axis
from bnviz.sweeping.published import PUBLISHED
from bnviz.ui.markdown import escaped

SUGGESTED = {
    "depth": "2, 6, 12, 20", "width": "16, 64, 256", "learning_rate": "0.03..3:log5", "batch_size": "16, 64, 256",
    "steps": "100, 300, 1000", "bn_momentum": "0.01, 0.1, 0.5", "data_noise": "0.1, 0.2, 0.4", "groups": "1, 4, 16",
    "weight_scale": "0.5, 0.7, 1, 1.4, 2", "dataset": "digits, wine, iris",
}  # fmt: skip
"""Values that an axis begins with; of a choice, all that it has."""
LEFT_OUT = (*NO_AXES, "measure_every", "landscape", "model")
VALUES = "Values, as `2, 6, 20`, or a range with how many: `0.01..3:log7` evenly in the logarithm, `16..64:4` evenly."
MOST_SEEDS = 20
STEPS = 300
NONE = ""
LOOK_SECONDS = 0.7


def draw(start: Callable[[Plan], None]) -> None:
    """Draw what is to be chosen; `start` is called with the sweep when it is to begin."""
    names = {NONE: "The networks of the sidebar"} | {name: each.title for name, each in PUBLISHED.items()}
    chosen = str(_kept("published", NONE, st.selectbox, "Train", [*names], format_func=names.__getitem__))
    problems: list[str] = []
    plan = _published(chosen) if chosen != NONE else _of_ones_own(problems)
    try:
        runs = 0 if plan is None else len(plan.cells)
    except ValueError as error:
        problems.append(str(error))
    for problem in problems:
        st.error(escaped(problem), icon=":material/error:")
    if not problems and plan is not None:
        nets = len(plan.base.arms)
        each = f"{nets} network{'s' * (nets > 1)}, {plan.base.steps:,} updates each"
        st.markdown(f"**{runs} run{'s' * (runs > 1)}** of {each}.")
        _tell_time(plan)
    if st.button("Start", key="sweep-start", type="primary", disabled=bool(problems)) and plan is not None:
        start(plan)


def _published(name: str) -> Plan:
    """A picture that was published, in words; its sweep."""
    known = PUBLISHED[name]
    values = "; ".join(f"**{axis}** {', '.join(map(str, each))}" for axis, each in known.plan.grid)
    st.markdown(f"{known.about}\n\n{values}, over {known.plan.seeds} seeds.")
    st.caption(f"*{known.source}*")
    return known.plan


def _of_ones_own(problems: list[str]) -> Plan | None:
    """A sweep of the networks of the sidebar; what is wrong with it is said."""
    grid: list[tuple[str, tuple[str, ...]]] = []
    for place, usual in enumerate(("depth", "learning_rate")):
        grid += _axis(place, usual, problems)
    if len(dict(grid)) < len(grid):
        problems.append("A sweep goes over two different settings.")
    with st.container(horizontal=True, key="sweep-numbers"):
        seeds = int(_kept("seeds", 3, st.number_input, "Seeds", 1, MOST_SEEDS, help="Runs at each place, at least."))
        steps = int(_kept("steps", STEPS, st.number_input, "Updates", 1, 100_000, help="Of each run."))
    try:
        base: RunConfig = replace(st.session_state["config"], steps=steps, landscape="off")
    except ValueError as error:
        problems.append(str(error))
        return None
    return Plan(base, tuple(grid), seeds)


def _axis(place: int, usual: str, problems: list[str]) -> list[tuple[str, tuple[str, ...]]]:
    """An axis as it is chosen; none where there is none, or what is wrong with it is said."""
    names = [name for name in SETTINGS if name not in LEFT_OUT]

    def suggest() -> None:
        chosen = str(st.session_state[f"sweep_axis{place}"])
        st.session_state[f"sweep_values{place}"] = _suggested(chosen)

    with st.container(horizontal=True, key=f"sweep-axis-{place}"):
        name = str(
            _kept(
                f"axis{place}", usual, st.selectbox, ("Over", "and over")[place], [NONE, *names][place == 0 :],
                format_func=lambda each: TITLES.get(each, "nothing else"), on_change=suggest,
            )
        )  # fmt: skip
        if name == NONE:
            return []
        text = str(_kept(f"values{place}", _suggested(name), st.text_input, "Values", help=VALUES))
    try:
        return [axis(f"{name}={text}")]
    except ValueError as error:
        problems.append(str(error))
        return []


def _suggested(name: str) -> str:
    setting = SETTINGS.get(name)
    return SUGGESTED.get(name) or (", ".join(setting.names) if isinstance(setting, Choice) else "")


def _kept(name: str, usual: Any, draw: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """A widget that keeps its value while another tab is in view; Streamlit forgets what is out of sight."""
    kept, key = st.session_state.setdefault("sweep_kept", {}), f"sweep_{name}"
    st.session_state.setdefault(key, kept.get(name, usual))
    kept[name] = draw(*arguments, key=key, **named)
    return kept[name]


def _tell_time(plan: Plan) -> None:
    sweeps = server().sweeps
    known = sweeps.time(plan)

    @st.fragment(run_every=LOOK_SECONDS if known is None else None)
    def follow() -> None:
        took = sweeps.time(plan)
        if known is None and took is not None:
            st.rerun()
        if took is None:
            st.caption("How long will it take? A few of these runs are begun and timed ...")
        elif isinstance(took, str):
            st.caption(escaped(f"How long it takes could not be timed: {took}."))
        else:
            many = f"{sweeps.processes} processes" if sweeps.processes > 1 else "one process"
            st.caption(f"About {duration(took)} on {many}, by timing a few of these runs just now.")

    follow()


def duration(seconds: float) -> str:
    """In words, no more exact than it can be known."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
