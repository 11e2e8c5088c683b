"""What a viewer is told of a source: status, figures, sentences and timeline, as the terms of JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from bnviz import charts
from bnviz.charts.marks import marks, text_of
from bnviz.charts.scene import Moment, Scene, View
from bnviz.config import numbered
from bnviz.frames import Frame
from bnviz.lessons.question import Question, from_code
from bnviz.lineup import current_config, flipped, lineup, to_undo
from bnviz.serve.run import Run
from bnviz.source import Source, Status
from bnviz.verdict import Span, findings, sentence
from bnviz.verdict.state import read

ARTICLE = "What the founding article claims, held against this run"
MARKS = {True: "agrees", False: "disagrees", None: "open"}


def scene_of(source: Source, seek: int | None, solo: int | None = None) -> Scene:
    """What there is to draw of a source now, or as it was at a step; solo: place of the only arm, if one is alone."""
    steps, events = source.history.snapshot()
    current: tuple[Frame, ...] = (steps[-1] if steps else ()) if seek is None else source.history.nearest(seek) or ()
    config = source.description.config
    guesses = config is not None and config.loss == "cross_entropy"
    classes = config.data.classes if config is not None and guesses else None
    run = source if isinstance(source, Run) else None
    moment: Moment = "none"
    if run is not None and run.status.live:
        resting = run.status in (Status.PAUSED, Status.FINISHED)
        moment = "past" if seek is not None else "resting" if resting else "running"
    closeup = run.closeup if run is not None and moment == "resting" else None
    plane = run.plane if run is not None and moment in ("resting", "running") else None
    over = source.status is Status.FINISHED
    return Scene(config, steps, events, current, classes, moment, closeup, plane, solo, over)


def scene_message(source: Source, scene: Scene, view: View, seek: int | None = None) -> dict[str, Any]:
    """All that is needed to draw a source from nothing."""
    return {
        "run": source.id,
        "tab": None if view.away else view.tab,
        "layers": len(scene.layers),
        "view": asdict(view),
        **header_of(source, scene, seek),
        **charts.figures(scene, view),
        **extras_of(source, scene, view, seek),
    }


def extras_of(source: Source, scene: Scene, view: View, seek: int | None, told: bool = True) -> dict[str, Any]:
    """What goes with the charts over steps: sentence, timeline, what they show if `told`, findings if wanted."""
    extras: dict[str, Any] = {
        "sentence": words_of(scene), "timeline": timeline_of(scene, seek), **arms_of(scene),
    }  # fmt: skip
    if not scene.current and source.text:  # why there is nothing to see yet
        extras["sentence"] = _spans([Span(source.text)])
    if told:
        extras["told"] = charts.told(scene, view)
    if view.tab == "findings" and not view.away:
        extras["findings"] = findings_of(scene)
    if (asked := from_code(view.ask)) is not None:
        extras["answer"] = answer_of(scene, asked, view.until)
    return extras


def answer_of(scene: Scene, asked: Question, until: int | None) -> dict[str, Any]:
    """What the run says to a question after so many steps: `{"ask", "option", "spans"}`; before, it cannot say yet.

    The step drawn has no part in it: the answer is that of the run.
    """
    newest = scene.steps[-1][0].step if scene.steps else 0
    beat = current_config(scene.config, scene.events).measure_every if scene.config is not None else 1
    # The last of 300 steps is step 299; of these, step 290 may be the last that is measured.
    if until is not None and newest + 1 < until and not (scene.over and newest + beat >= until):
        text = f"The run cannot say yet: this is step {newest}, and it answers when {until} steps are done."
        return {"ask": asked.code, "option": None, "spans": _spans([Span(text)])}
    seen = [frames for frames in scene.steps if until is None or frames[0].step < until]
    found = asked.answer(read(scene.config, seen, scene.events))
    unsure = [Span("The run cannot say: ")] if found.option is None else []
    return {"ask": asked.code, "option": found.option, "spans": _spans([*unsure, *found.why])}


def header_of(source: Source, scene: Scene, seek: int | None) -> dict[str, Any]:
    """Status, step, how many there will be, and speed."""
    latest = source.history.latest
    return {
        "status": source.status.value,
        "step": scene.current[0].step if scene.current else 0,
        "newest": latest[0].step if latest else 0,
        "rate": round(source.rate),
        "steps": source.config.steps if isinstance(source, Run) else None,
        "text": source.text,
        "busy": _busy(source) if isinstance(source, Run) and source.status is Status.RUNNING else "",
        "unkept": source.unkept,
        "live": seek is None,
    }


def _busy(run: Run) -> str:
    """How many share the cores, and on which other machine it is trained."""
    where = run.worker.where if run.worker is not None else ""
    return " · ".join(filter(None, (run.busy, where and f"on {where}")))


def words_of(scene: Scene) -> list[dict[str, Any]]:
    """The sentence over the charts, as spans of text, each with the place of the arm it speaks of."""
    return _spans(sentence(scene.config, _until_shown(scene), scene.events))


def findings_of(scene: Scene) -> list[dict[str, Any]]:
    """What the run shows up to the step drawn, the most important first, and how the article's claims fare.

    `[{"heading", "items": [{"spans", "mark"}]}]`; mark: what the run says to the article's claim.
    """
    found = findings(scene.config, _until_shown(scene), scene.events)
    own = [{"spans": _spans(each.spans), "mark": ""} for each in found if each.kind != "article"]
    claims = [{"spans": _spans(each.spans), "mark": MARKS[each.agrees]} for each in found if each.kind == "article"]
    sections = [{"heading": "What this run shows", "items": own}, {"heading": ARTICLE, "items": claims}]
    return [section for section in sections if section["items"]]


def arms_of(scene: Scene) -> dict[str, Any]:
    """The arms that are there, drawn or not, and what undoing would undo.

    `{"arms": [{"label", "place", "title", "name", "normalization", "flipped"}], "undo": text}`: normalization is the
    arm's at the step drawn, None if it was not there yet; flipped: what stands in its place once it is flipped.
    """
    if scene.config is None:
        return {"arms": [], "undo": ""}
    shown = scene.current[0].step if scene.current else 0
    then = lineup(scene.config, [event for event in scene.events if event.step <= shown])
    now = lineup(scene.config, scene.events)
    arms = []
    for (label, member), title in zip(now.items(), numbered(member.title for member in now.values()), strict=True):
        arm = then[label].arm if label in then else None
        arms.append({
            "label": label, "place": member.place, "title": title, "name": member.name,
            "normalization": arm and arm.normalization, "flipped": flipped(arm or member.arm, scene.config),
        })  # fmt: skip
    return {"arms": arms, "undo": _undoing(scene)}


def _undoing(scene: Scene) -> str:
    """What undoing would undo, and how; empty: nothing."""
    place = to_undo(scene.events)
    if place is None:
        return ""
    event = scene.events[place]
    how = "the copy is dropped" if event.kind == "fork" else "a copy from just before it goes on beside the others"
    return f"{next(text_of(mark) for mark in scene.marks if mark.event is event)}: {how}"


def _until_shown(scene: Scene) -> list[tuple[Frame, ...]]:
    """The steps up to the one drawn."""
    shown = scene.current[0].step if scene.current else -1
    return [frames for frames in scene.steps if frames[0].step <= shown]


def _spans(words: Iterable[Span]) -> list[dict[str, Any]]:
    return [{"text": span.text, "arm": span.arm} for span in words]


def timeline_of(scene: Scene, seek: int | None) -> dict[str, Any]:
    """First and last step kept, the one shown, and the events."""
    known = scene.steps
    return {
        "first": known[0][0].step if known else 0,
        "last": known[-1][0].step if known else 0,
        "shown": scene.current[0].step if scene.current else 0,
        "live": seek is None,
        "events": marks(scene),
    }
