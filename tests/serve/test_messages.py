"""What goes with the figures: words, findings, timeline, as they are at the step that is looked at."""

from __future__ import annotations

from bnviz.charts.scene import View
from bnviz.frames import Event
from bnviz.serve.messages import findings_of, header_of, scene_of, timeline_of, words_of
from bnviz.verdict import findings
from tests.serve.conftest import CONFIG


def test_what_goes_with_the_figures(run, steps):
    run.take(Event(0, "change", "none", {"normalization": "batch"}))
    scene = scene_of(run, None)
    assert header_of(run, scene, None)["status"] == "running"
    assert timeline_of(scene, None)["events"] == [{"step": 0, "text": "none: normalization → batch"}]
    assert "".join(span["text"] for span in words_of(scene))


def test_findings_are_told_to_who_looks_at_them_alone(run, seat, steps):
    assert "findings" not in seat.until("scene")
    seat.viewer.view = View(tab="findings")
    for frames in steps[1:]:
        run.take(frames)
    seat.stream.refresh(seat.viewer)
    scene = seat.until("scene")
    assert (scene["tab"], scene["grid"]) == ("findings", [])
    told = ["".join(span["text"] for span in item["spans"]) for part in scene["findings"] for item in part["items"]]
    there = scene_of(run, None)
    assert sorted(told) == sorted(each.text for each in findings(CONFIG, there.steps))
    marks = {item["mark"] for item in scene["findings"][-1]["items"]}
    assert marks <= {"agrees", "disagrees", "open"}


def test_findings_of_an_earlier_step_know_nothing_of_later_ones(run, steps):
    for frames in steps[1:]:
        run.take(frames)
    earlier = scene_of(run, 20)
    told = ["".join(span["text"] for span in item["spans"]) for part in findings_of(earlier) for item in part["items"]]
    assert sorted(told) == sorted(each.text for each in findings(CONFIG, earlier.steps[:3]))


def test_what_is_measured_from_now_on_is_known_at_once(run):
    assert not scene_of(run, None).landscape_known
    run.take(Event(5, "change", None, {"landscape": "0.01-30"}))
    assert scene_of(run, None).landscape_known
