"""Everything that a viewer of a recording could be sent, made beforehand: each figure for what it depends on, once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from bnviz import charts
from bnviz.charts.lines import chart
from bnviz.charts.panel import Panel
from bnviz.charts.scene import Scene, View
from bnviz.history import History
from bnviz.recording import Recording
from bnviz.serve.messages import findings_of, header_of, scene_of, timeline_of, words_of
from bnviz.serve.takeaway.arrays import Arrays
from bnviz.serve.takeaway.choices import LOOKS, choices, outcomes
from bnviz.source import Kept

MOST_STEPS = 300
"""Measured steps in a file; of more, those that are spread evenly in log time, as `History` thins them."""
Progress = Callable[[float], None]
"""Hears of the share done, from 0 to 1."""
Json = dict[str, Any]


def thinned(recording: Recording, most: int = MOST_STEPS) -> Recording:
    """The recording with so many measured steps at most; its events stay."""
    history = History(most)
    for frames in recording.steps():
        history.add(frames)
    kept = tuple(frame for frames in history.snapshot()[0] for frame in frames)
    return Recording(recording.about, kept, recording.events, recording.damage)


class Book:
    """The messages of a recording: for each of its steps, tabs and views, in parts, what is alike once.

    Steps that show the same panels of the same networks make a chapter: it has the figures whole, and for each of its
    steps what of the live ones changes. A chart over steps is the same at all of them but for the mark at the step.
    """

    def __init__(self, recording: Recording, progress: Progress) -> None:
        self.arrays = Arrays()
        self.source = Kept(thinned(recording))
        self._progress = progress
        self._scenes = [scene_of(self.source, frames[0].step) for frames in self.source.history.snapshot()[0]]
        self._allowed = choices(len(self._scenes[0].layers)) if self._scenes else choices(0)
        self.tabs = [
            tab for tab in charts.TABS if any(charts.notice(scene, View(tab=tab)) is None for scene in self._scenes)
        ]
        """Those that have something to show: not what is seen of a living network alone, or was not measured."""
        self._shelf: dict[str, int] = {}
        self._figures: list[Json] = []
        self._known: dict[Any, int] = {}

    def contents(self) -> Json:
        """The book, in terms of JSON; `page.js` reads it."""
        headers, timelines, words, findings, cursors = [], [], [], [], []
        last = len(self._scenes) - 1
        for place, scene in enumerate(self._scenes):
            seek = scene.current[0].step if place < last else None
            headers.append({"run": self.source.id, **header_of(self.source, scene, seek)})
            timelines.append(timeline_of(scene, seek))
            words.append(self._put(words_of(scene)))
            findings.append(self._put(findings_of(scene)))
            cursors.append([
                {"when": when, "data": self.arrays.taken(trace)} for when, trace in self._outcomes(scene, "", _cursor)
            ])  # fmt: skip
            self._progress(0.5 * place / len(self._scenes))
        chapters, chapter_of = self._chapters()
        return {
            "steps": [scene.current[0].step for scene in self._scenes], "headers": shared(headers),
            "timelines": shared(timelines), "words": words, "findings": findings, "cursors": cursors,
            "chapters": chapters, "chapter": chapter_of, "figures": self._figures, "live": charts.LIVE,
            "layers": len(self._scenes[0].layers),
            "shelf": [json.loads(text) for text in self._shelf],
        }  # fmt: skip

    def _put(self, value: Any) -> int:
        """The place of a value among all that are shared."""
        return self._shelf.setdefault(json.dumps(value), len(self._shelf))

    def _outcomes(self, scene: Scene, tab: str, make: Callable[[Scene, View], Any], fixed: Iterable[str] = ()) -> Any:
        return outcomes(lambda view: make(scene, view), tab, self._allowed, frozenset(fixed))

    def _chapters(self) -> tuple[list[Json], list[int]]:
        """The chapters, and of which of them each step is."""
        keys = [tuple(charts.structure(scene, View(tab=tab)) for tab in self.tabs) for scene in self._scenes]
        places: dict[Any, list[int]] = {}
        for place, key in enumerate(keys):
            places.setdefault(key, []).append(place)
        chapters = []
        for done, own in enumerate(places.values()):
            self._known.clear()
            chapters.append(self._chapter(own, 0.5 + 0.5 * done / len(places), 0.5 / len(places)))
        order = list(places)
        return chapters, [order.index(key) for key in keys]

    def _chapter(self, places: list[int], done: float, share: float) -> Json:
        scene, tabs = self._scenes[places[-1]], {}
        for number, tab in enumerate(self.tabs):
            grids = [
                {
                    "when": when,
                    "panels": [[self._put(panel.describe()), self._figure(panel, tab, places)] for panel in found],
                }
                for when, found in self._outcomes(scene, tab, charts.panels)
            ]
            usual = View(tab=tab)
            tabs[tab] = {"grids": grids, "notice": charts.notice(scene, usual), "words": charts.words(scene, usual)}
            for panel in charts.panels(scene, usual):
                self._tell(panel, tab, places)
            self._progress(done + share * (number + 1) / len(self.tabs))
        legends = {theme: charts.legend(scene, View(theme=theme)) for theme in self._allowed["theme"]}
        return {"tabs": tabs, "legends": legends}

    def _figure(self, panel: Panel, tab: str, places: list[int]) -> int:
        """The place of a panel's figure: known by the function that draws it, and what that is given."""
        draw: Any = panel.draw
        key = (getattr(draw, "func", draw), repr(getattr(draw, "keywords", {})), panel.live)
        if key not in self._known:
            self._known[key] = len(self._figures)
            whole = [
                {"when": when, "figure": self._put(self.arrays.taken(figure))}
                for when, figure in self._outcomes(self._scenes[places[-1]], tab, panel.draw)
            ]
            self._figures.append({"whole": whole, "live": self._live(panel, tab, places) if panel.live else None})
        return self._known[key]

    def _tell(self, panel: Panel, tab: str, places: list[int]) -> None:
        """Put down what a panel shows at each step, in words; of other layers than the usual ones this is not said."""
        self._figures[self._figure(panel, tab, places)]["told"] = {
            str(place): [
                {"when": when, "said": self._put(said)}
                for when, said in self._outcomes(self._scenes[place], tab, panel.told, LOOKS)
            ]
            for place in places
        }

    def _live(self, panel: Panel, tab: str, places: list[int]) -> Json:
        """What changes in a figure, by step."""
        return {
            str(place): [
                {"when": when, "patch": self._put(self.arrays.taken(charts.changes(figure)))}
                for when, figure in self._outcomes(self._scenes[place], tab, panel.draw, LOOKS)
            ]
            for place in places
        }


def _cursor(scene: Scene, view: View) -> Json:
    """The mark at the step drawn, as every chart over steps has it, as its last trace."""
    figure = charts.changes(chart(scene, view, [], {}))
    trace: Json = figure["data"][-1]
    return trace


def shared(dicts: list[Json]) -> Json:
    """`{"same": what is equal in all, "each": the rest of each}`."""
    first = dicts[0] if dicts else {}
    same = {name: value for name, value in first.items() if all(each.get(name) == value for each in dicts)}
    return {"same": same, "each": [{k: v for k, v in each.items() if k not in same} for each in dicts]}
