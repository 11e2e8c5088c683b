"""The tab "Self-check": what comes out here, on this machine, where it is known what must come out."""

from __future__ import annotations

import streamlit as st

from bnviz import laws
from bnviz.laws import Result
from bnviz.serve.selfcheck import Report, Status
from bnviz.serve.shared import server
from bnviz.ui.markdown import escaped

INTRO = """Some of what bnviz shows is known beforehand: it was proved, or a paper measured it. The checks measure each
of these laws once more, on the machine that serves this page. This takes about a minute, or longer while networks
train beside it. In a terminal, `bnviz check` does the same."""
WHILE_RUNNING, OTHERWISE = 0.5, 5.0
"""Seconds from one look at the report to the next; somebody else may have started a check."""


def draw(visitor: str) -> None:
    """Draw the tab; whoever starts a check may stop it."""
    shared = server().self_check
    running = shared.report.running
    with st.container(key="selfcheck"):
        st.markdown(INTRO)
        if running and shared.report.visitor != visitor:
            st.caption("Somebody else has started this check; you see what it finds.")
        elif running:
            st.button("Stop", key="selfcheck-stop", on_click=shared.stop, args=(visitor,))
        else:
            st.button("Run all checks", key="selfcheck-start", type="primary", on_click=shared.start, args=(visitor,))

        @st.fragment(run_every=WHILE_RUNNING if running else OTHERWISE)
        def follow() -> None:
            report = shared.report
            if report.running != running:
                st.rerun()
            _draw_report(report)

        follow()


def _draw_report(report: Report) -> None:
    if report.status is Status.IDLE:
        return
    if report.running:
        st.progress(*_progress(report.results))
    else:
        _conclude(report)
    if report.results:
        st.table([_row(result) for result in report.results], border="horizontal", hide_index=True)


def _progress(results: tuple[Result, ...]) -> tuple[float, str]:
    """The share of laws that are measured, and the same in words."""
    if not results:
        return 0.0, "Starting ..."
    total = results[0].total
    return len(results) / total, f"{len(results)} of {total} laws measured"


def _conclude(report: Report) -> None:
    summary = laws.summary(report.results)
    if report.status is not Status.FINISHED:
        kept = f" Of what was measured before, {summary}." if report.results else ""
        st.warning(report.text + kept, icon=":material/warning:")
    elif all(result.passed for result in report.results):
        st.success(f"{summary}.", icon=":material/check:")
    else:
        st.error(f"{summary}. Please report those that do not.", icon=":material/close:")
    assert report.started is not None
    st.caption(f"Started {report.started.astimezone():%Y-%m-%d, %H:%M %Z}.")


def _row(result: Result) -> dict[str, str]:
    return {
        "Law": f"{result.number}\\. {escaped(result.law)}",
        "Source": escaped(result.source),
        "Expected": escaped(result.expected),
        "Measured": escaped(result.measured),
        "Result": ":green[✓\N{NO-BREAK SPACE}pass]" if result.passed else ":red[**✗\N{NO-BREAK SPACE}FAIL**]",
    }
