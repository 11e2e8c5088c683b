"""A recording in a notebook: a tab's charts as one Plotly figure, and a piece of HTML that needs no network."""

from __future__ import annotations

import re
from html import escape
from importlib.resources import files
from math import isfinite
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bnviz import charts
from bnviz.charts.look import PALETTE
from bnviz.charts.panel import Part
from bnviz.charts.scene import Scene, View
from bnviz.recording import Recording
from bnviz.verdict import Span, findings, sentence

if TYPE_CHECKING:
    import plotly.graph_objects as go

WIDTH, ROW, TITLE = 1100, 300, 26
"""Pixels: of the figure, of a row of charts, and of the titles over it."""
SCRIPT = "plotly-cartesian.min.js"


def figure(recording: Recording, tab: str = "layers", step: int | None = None) -> go.Figure:
    """A tab's charts side by side, at the measured step nearest to `step`; None: at the last one.

    Errors: ValueError for a tab that there is not, for a step that is no number, and for a recording without frames.
    """
    import plotly.graph_objects as go  # noqa: PLC0415  a second that only this call needs

    if tab not in charts.TABS:
        raise ValueError(f"figure must be one of {', '.join(charts.TABS)}, got {tab!r}.")
    scene, view = scene_at(recording, step), View(tab=tab)
    drawn = charts.figures(scene, view)
    text = _words(scene, tab) if not drawn["grid"] else ""
    groups = [[each for each in drawn["grid"] if each["group"] == group] for group in ("layers", "series")]
    rows = [row for row in groups if row]
    height = max(1, len(rows)) * (ROW + TITLE)
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {"annotations": [_text(text, 0.0, 1.0)] if text else []}
    for place, row in enumerate(rows):
        total, left = sum(panel["weight"] for panel in row), 0.0
        for panel in row:
            right = left + panel["weight"] / total
            box = (left, right, 1 - (place + 1) / len(rows), 1 - place / len(rows) - TITLE / height)
            _put(drawn["figures"][panel["id"]], box, height, data, layout)
            title = " ".join(filter(None, (_told(part, drawn["colors"]) for part in panel["title"])))
            layout["annotations"].append(_text(title, left, 1 - place / len(rows)))
            left = right
    colors = PALETTE["light"]
    look = {"paper_bgcolor": colors.background, "plot_bgcolor": colors.background, "showlegend": False,
            "hovermode": "closest", "font": {"size": 11, "color": colors.text}, "width": WIDTH, "height": height,
            "margin": {"l": 0, "r": 0, "t": 0, "b": 0}}  # fmt: skip
    return go.Figure({"data": data, "layout": layout | look})


def html(recording: Recording, file: Path | None = None) -> str:
    """The newest frame's layers, the sentence, and how to open the page; file: where the recording is kept."""
    command = f"bnviz open {file or 'run.arrow'}"
    saved = "" if file else "recording.save('run.arrow'), then "
    opening = f"<p>The page with all tabs and the timeline: <code>{escape(saved + command)}</code></p>"
    if not recording.frames:
        return f"<div><p>Nothing is measured yet.</p>{opening}</div>"
    scene = scene_at(recording)
    told = _spans(sentence(scene.config, scene.steps, scene.events), [*PALETTE["light"].arms])
    shown = figure(recording)
    # In a frame of its own, where no other script of the notebook is met.
    drawn = shown.to_json().replace("<", "\\u003c")
    script = (files("bnviz") / "serve" / SCRIPT).read_text("utf-8")
    inside = (f'<meta charset="utf-8"><body style="margin:0"><div id="f"></div><script>{script}</script>'
              f'<script>const f={drawn};Plotly.newPlot("f",f.data,f.layout,{{displayModeBar:false}})'
              '</script>')  # fmt: skip
    frame = (f'<iframe srcdoc="{escape(inside)}" width="{WIDTH}" height="{shown.layout.height}" '
             'style="border:0;background:#fff" title="Layers"></iframe>')  # fmt: skip
    return f"<div><p>{told}</p>{frame}{opening}</div>"


def scene_at(recording: Recording, step: int | None = None) -> Scene:
    """What there is to draw of it at the measured step nearest to `step`.

    Errors: ValueError without frames, and for a step that is no number.
    """
    if step is not None and not (isinstance(step, Real) and not isinstance(step, bool) and isfinite(step)):
        raise ValueError(f"step must be a number, such as 100, or None for the last one; got {step!r}.")
    steps = list(recording.steps())
    if not steps:
        raise ValueError("The recording has no frames, so there is nothing to draw.")
    current = steps[-1] if step is None else min(steps, key=lambda frames: abs(frames[0].step - step))
    classes = recording.config.data.classes if recording.config is not None else 0
    return Scene(recording.config, steps, recording.events, current, classes=classes or None)


def _put(
    drawn: dict[str, Any], box: tuple[float, float, float, float], height: float, data: list[Any],
    layout: dict[str, Any],
) -> None:  # fmt: skip
    """Add a chart to the figure, in a box (left, right, bottom, top) of shares of it, with axes of its own."""
    margin, (left, right, bottom, top) = drawn["layout"]["margin"], box
    x = [left + margin["l"] / WIDTH, right - margin["r"] / WIDTH]
    y = [bottom + margin["b"] / height, top - margin["t"] / height]
    number = 1 + sum(name.startswith("yaxis") for name in layout)
    own = {name: f"{name[0]}{number + place}" for place, name in enumerate(n for n in drawn["layout"] if "yaxis" in n)}
    across = f"x{number}"
    layout[f"xaxis{number}"] = drawn["layout"]["xaxis"] | {"domain": x, "anchor": own["yaxis"]}
    for name, called in own.items():
        up = drawn["layout"][name] | {"domain": y, "anchor": across}
        if "overlaying" in up:
            up["overlaying"] = own["yaxis"]
        layout[f"yaxis{called[1:]}"] = up
    for trace in drawn["data"]:
        upright = "yaxis" + trace.get("yaxis", "y")[1:]
        data.append({**trace, "xaxis": across, "yaxis": own[upright]})


def _text(text: str, x: float, y: float) -> dict[str, Any]:
    return {"text": text, "x": x, "y": y, "xref": "paper", "yref": "paper", "showarrow": False, "align": "left",
            "xanchor": "left", "yanchor": "top", "font": {"size": 12}}  # fmt: skip


def _told(part: Part, colors: list[str]) -> str:
    """A part of a title in words; of a switch, what is chosen."""
    options = {option["value"]: option["text"] for option in part.get("options", ())}
    text = escape(str(options.get(part.get("value"), part.get("text", ""))))
    if part.get("strong"):
        text = f"<b>{text}</b>"
    return f'<span style="color:{colors[part["arm"]]}">{text}</span>' if "arm" in part else text


def _words(scene: Scene, tab: str) -> str:
    """What a tab without charts says."""
    told = charts.notice(scene, View(tab=tab))
    if told is not None:
        lines = [f"<b>{escape(told['title'])}</b>", *re.findall(r".{1,120}(?:\s|$)", escape(told["text"]))]
    else:
        found = findings(scene.config, scene.steps, scene.events)
        lines = [_spans(each.spans, [*PALETTE["light"].arms]) for each in found]
    return "<br>".join(lines) or "Nothing to say yet."


def _spans(words: tuple[Span, ...], colors: list[str]) -> str:
    """Text in which what is said of an arm has its colour."""
    return "".join(
        escape(span.text)
        if span.arm is None
        else f'<span style="color:{colors[span.arm % len(colors)]}">{escape(span.text)}</span>'
        for span in words
    )
