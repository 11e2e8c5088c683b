"""Frames in, figures or patches of figures out: what the page draws, as plain dicts that Plotly understands.

A figure is made by one function, drawn whole or updated: a patch is what of it may have changed.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from bnviz.charts.lines import cursor
from bnviz.charts.look import PALETTE, Figure, encode, sign
from bnviz.charts.panel import Panel, Part, Tab
from bnviz.charts.scene import Scene, View
from bnviz.charts.tabs import TABS

__all__ = [
    "TABS",
    "Scene",
    "View",
    "at_step",
    "changes",
    "encode",
    "figures",
    "legend",
    "notice",
    "panels",
    "patch",
    "told",
]

LIVE = ("x", "y", "z", "customdata", "text")
"""What of a trace may change from frame to frame."""
AXIS_LIVE = ("range", "dtick")


def figures(scene: Scene, view: View) -> dict[str, Any]:
    """`{"grid": [...], "figures": {id: {"data", "layout", "note"}}, "empty", "notice", "words"}`, and its legend.

    grid: panels in order; empty: whether nothing is measured yet; notice: what a tab without charts says instead,
    `{"title", "text"}` with or without a `"button": {"text", "setting": {name: value}}` (or with a `"command"` in the
    place of the setting), or None; words: what it says beside them (see `Tab`), or None.
    """
    chosen, view = panels(scene, view), _seen(view)
    return {
        "grid": [panel.describe() for panel in chosen],
        "figures": {panel.id: panel.draw(scene, view) for panel in chosen},
        **legend(scene, view),
        "empty": not scene.current,
        "notice": notice(scene, view),
        "words": words(scene, view),
    }


def patch(scene: Scene, view: View, series: bool) -> dict[str, Figure]:
    """What may have changed in each figure since the last frame, as `Plotly.animate` takes it, and the note.

    Without `series` only the charts that are drawn at full rate.
    """
    chosen, view = panels(scene, view), _seen(view)
    return {panel.id: changes(panel.draw(scene, view)) for panel in chosen if series or panel.live}


def at_step(scene: Scene, view: View) -> dict[str, Figure]:
    """What of each figure differs from that of another step of the same history: a patch, or the new `cursor` alone."""
    chosen, view = panels(scene, view), _seen(view)
    line = {"cursor": _live(cursor(scene, view))}
    return {panel.id: line if panel.across == "step" else changes(panel.draw(scene, view)) for panel in chosen}


def legend(scene: Scene, view: View) -> Part:
    """`{"colors", "names", "signs"}` by the arms' places; names: of those drawn, "" where none is."""
    names = dict(zip(scene.places, scene.titles.values(), strict=True))
    places = range(max(scene.places, default=-1) + 1)
    return {
        "colors": [PALETTE[view.theme].arm(place) for place in places],
        "names": [names.get(place, "") for place in places],
        "signs": [sign(place) for place in places],
    }


def changes(figure: Figure) -> Figure:
    """What of a figure may differ from that of another step, as `Plotly.animate` takes it, and the note."""
    data = [_live(trace) for trace in figure["data"]]
    for trace in data:
        if isinstance(trace.get("text"), list) and "customdata" in trace:
            del trace["text"]  # names of layers do not change
    axes = {
        name: {key: value[key] for key in AXIS_LIVE if key in value}
        for name, value in figure["layout"].items()
        if name in ("xaxis", "yaxis")
    }
    found: Figure = {"data": data, "traces": list(range(len(data))), "layout": axes, "note": figure["note"]}
    # Plotly moves lines without a redraw, but no heatmap.
    return found | {"redraw": True} if any("z" in trace for trace in data) else found


def _live(trace: dict[str, Any]) -> dict[str, Any]:
    return {name: trace[name] for name in LIVE if name in trace}


def structure(scene: Scene, view: View) -> tuple[object, ...]:
    """What must be equal in two scenes for a patch to lead from one to the other."""
    ids = tuple(panel.id for panel in panels(scene, view))
    said = json.dumps([notice(scene, view), words(scene, view)])
    return view, tuple(scene.titles.items()), tuple(scene.places), bool(scene.current), ids, said, scene.tested


def words(scene: Scene, view: View) -> Part | None:
    """What the viewer's tab says beside its charts, if it does."""
    return None if view.away or notice(scene, view) or not scene.layers else _tab(view).words(scene, view)


def told(scene: Scene, view: View) -> dict[str, str]:
    """What each chart of the viewer's tab shows now, in words."""
    return {panel.id: panel.told(scene, view) for panel in panels(scene, view)}


def panels(scene: Scene, view: View) -> list[Panel]:
    """The panels of the viewer's tab, in reading order, or the one of them that is to be large; none while the tab
    has a notice, or no layer is known.
    """
    if view.away or not scene.layers or notice(scene, view):
        return []
    found = _tab(view).panels(scene, _seen(view))
    if view.large is None or view.large > len(found):
        return found
    in_order = [panel for group in ("layers", "series") for panel in found if panel.group == group]
    return [in_order[view.large - 1]]


def _seen(view: View) -> View:
    """How charts are to be drawn: one that stands alone names its layers."""
    return view if view.large is None else replace(view, stacked=True)


def notice(scene: Scene, view: View) -> Part | None:
    """Why the viewer's tab has nothing to draw, if so."""
    return None if view.away else _tab(view).notice(scene)


def _tab(view: View) -> Tab:
    """The viewer's tab; the first one for a name that none has."""
    return TABS.get(view.tab, next(iter(TABS.values())))
