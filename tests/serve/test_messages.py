"""What goes with the figures: words, findings, timeline, as they are at the step that is looked at."""

from __future__ import annotations

from dataclasses import replace

from bnviz.charts.scene import View
from bnviz.frames import Event
from bnviz.recording import Note
from bnviz.serve.messages import extras_of, findings_of, header_of, scene_of, timeline_of, words_of
from bnviz.verdict import findings
from tests.serve.conftest import CONFIG


def test_what_goes_with_the_figures(run, steps):
    run.take(Event(0, "change", "none", {"normalization": "batch"}))
    scene = scene_of(run, None)
    assert header_of(run, scene, None)["status"] == "running"
    assert timeline_of(scene, None)["events"] == [
        {"step": 0, "look": 0, "name": "BatchNorm", "text": "step 0: no normalization → BatchNorm", "arm": 0}
    ]
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


def test_the_run_answers_a_question_at_its_step_and_not_before(run, steps):
    view = View(ask="diverges 0", until=60)

    def answered(seek=None):
        return extras_of(run, scene_of(run, seek), view, seek)["answer"]

    for frames in steps[1:]:
        run.take(frames)
    assert run.step == 50  # the last of 60 steps that is measured, which is no more than the beginning of the last ten
    early = answered()
    assert early["option"] is None
    told = "The run cannot say yet: this is step 50, and it answers when 60 steps are done."
    assert early["spans"][0]["text"] == told
    run.take(Note("finished", value=60))
    found = answered()
    assert (found["ask"], found["option"]) == ("diverges 0", 1)
    assert answered(10) == found, "the step looked at has no part in it"
    run.take(Note("running", value=60))  # on, to later steps: what comes there changes nothing
    for later in (1, 2):
        run.take(tuple(replace(frame, step=50 + 10 * later, train_loss=float("nan")) for frame in steps[-1]))
        assert answered() == found
    run.take(Note("finished", value=80))
    later = replace(view, until=400)
    assert extras_of(run, scene_of(run, None), later, None)["answer"]["option"] is None, "it is to go on"
    assert "answer" not in extras_of(run, scene_of(run, None), View(ask="nonsense"), None)
