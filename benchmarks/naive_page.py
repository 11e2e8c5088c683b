"""The peer of benchmarks/page.py: the same charts in the straightforward way, `streamlit run benchmarks/naive_page.py`.

A fragment that runs every 0.1 s and hands whole figures to `st.plotly_chart`, fed by a real run in this process.
Every figure carries the number of the redraw in `layout.meta`, so that a browser can tell which it has painted.
"""

from __future__ import annotations

import os

import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from bnviz.charts.look import PALETTE
from bnviz.config import RunConfig
from bnviz.frames import Frame
from bnviz.serve.hub import Hub, Run

COLORS = PALETTE["light"].arms
QUERY = os.environ.get("BNVIZ_NAIVE_QUERY", "depth=20&steps=1000000")
"""The config of the run, as in a link."""


@st.cache_resource
def the_run() -> Run:
    hub = Hub()
    hub.open()
    run = hub.start(RunConfig.from_query(QUERY), "benchmark")
    run.watch(lambda: None)  # as long as the server lives
    return run


def distributions(frame: Frame, color: str) -> go.Figure:
    layers = len(frame.layers)
    figure = make_subplots(rows=layers, cols=1, vertical_spacing=0.2 / layers)
    middles = (frame.input_edges[:, 1:] + frame.input_edges[:, :-1]) / 2
    for layer in range(layers):
        bars = go.Bar(x=middles[layer], y=frame.input_hist[layer], marker_color=color)
        figure.add_trace(bars, row=layer + 1, col=1)
    return figure.update_layout(height=600, bargap=0)


def by_layer(frames: tuple[Frame, ...], name: str) -> go.Figure:
    lines = [
        go.Scatter(x=getattr(frame, name), y=frame.layers, name=frame.arm, line_color=color)
        for frame, color in zip(frames, COLORS, strict=False)
    ]
    return go.Figure(lines).update_layout(height=600)


def over_steps(steps: list[tuple[Frame, ...]], *names: str, layer: int | None = None) -> go.Figure:
    figure = go.Figure()
    for arm, frame in enumerate(steps[-1]):
        for name in names:
            values = [getattr(frames[arm], name) for frames in steps]
            y = values if layer is None else [value[layer] for value in values]
            line = go.Scatter(x=[frames[arm].step for frames in steps], y=y, name=f"{frame.arm} {name}")
            figure.add_trace(line.update(line_color=COLORS[arm]))
    return figure.update_layout(height=250)


@st.fragment(run_every=0.1)
def dashboard(run: Run) -> None:
    steps = run.history.snapshot()[0]
    if not steps:
        return
    redraw = st.session_state["redraw"] = st.session_state.get("redraw", 0) + 1
    frames = steps[-1]
    st.html(f'<p id="naive" data-redraw="{redraw}" data-step="{run.step}">redraw {redraw}, step {run.step}</p>')
    rows = [
        [distributions(frame, color) for frame, color in zip(frames, COLORS, strict=False)]
        + [by_layer(frames, name) for name in ("grad_norm", "ics_relative", "saturated")],
        [
            over_steps(steps, "train_loss", "test_loss"),
            over_steps(steps, "train_accuracy", "test_accuracy"),
            over_steps(steps, "grad_norm", layer=0),
            over_steps(steps, "ics_relative", layer=-2),
        ],
    ]
    for row, figures in enumerate(rows):
        for place, (column, figure) in enumerate(zip(st.columns(len(figures)), figures, strict=True)):
            figure.update_layout(meta=redraw, showlegend=False, margin={"l": 30, "r": 5, "t": 5, "b": 20})
            column.plotly_chart(figure, key=f"chart-{row}-{place}")


if __name__ == "__main__":
    st.set_page_config("naive", layout="wide")
    dashboard(the_run())
