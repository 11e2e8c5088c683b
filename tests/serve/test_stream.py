from __future__ import annotations

import json
import threading
import time

from bnviz.charts import TABS
from bnviz.charts.scene import View
from bnviz.frames import Event
from bnviz.recording import Note, Recording
from bnviz.serve.run import Run
from bnviz.serve.series import Made
from bnviz.serve.stream import Stream
from bnviz.serve.viewer import Viewer
from bnviz.source import Kept, Status
from tests.serve.conftest import CONFIG, Seat


def test_a_scene_first_and_then_patches(run, seat, steps):
    scene = seat.until("scene")
    assert scene["run"] == run.id
    assert (scene["step"], scene["status"]) == (0, "running")
    assert {panel["id"] for panel in scene["grid"]} == set(scene["figures"])
    run.take(steps[1])
    patch = seat.until("patch")
    assert patch["step"] == 10
    assert set(patch["figures"]) <= set(scene["figures"])


def test_charts_over_steps_come_at_a_slower_rate_but_always_in_the_end(run, seat, steps):
    series = {p["id"] for p in seat.until("scene")["grid"] if p["group"] == "series"}
    assert series
    for frames in steps[1:]:
        run.take(frames)
        time.sleep(0.05)
    run.end(Status.FINISHED, "")
    patch = seat.until("patch")
    while patch["status"] != "finished":
        patch = seat.until("patch")
    assert series <= set(patch["figures"])
    assert patch["timeline"]["last"] == 50
    assert patch["sentence"]


def test_a_slow_viewer_gets_the_newest_not_a_queue(run, seat, steps):
    seat.until("scene")
    for frames in steps[1:]:
        run.take(frames)
    time.sleep(0.5)
    assert seat.next()["step"] == 50
    assert seat.viewer.take() is None


def test_a_new_view_and_a_new_structure_bring_a_scene(run, seat):
    seat.until("scene")
    seat.viewer.view = View(theme="dark", values="input")
    seat.stream.refresh(seat.viewer)
    assert "dark" not in json.dumps(seat.until("scene")["grid"])
    run.take(Event(5, "change", "none", {"normalization": "batch"}))
    assert "since step 5" in json.dumps(seat.until("scene"))


def test_who_moves_to_another_run_gets_its_scene_even_after_a_late_message_of_the_old_one(run, seat, steps):
    seat.until("scene")
    late = seat.stream._message(seat.viewer.view, None, [seat.viewer])
    other = Run(CONFIG, "me")
    other.take(steps[0])
    seat.stream.leave(seat.viewer)
    seat.viewer.drawn = late.structure
    seat.viewer.news.clear()
    stream = Stream(other)
    stream.join(seat.viewer)
    try:
        assert seat.until("scene")["run"] == other.id
    finally:
        stream.leave(seat.viewer)


def test_looking_back_and_being_live_again(run, seat, steps):
    seat.until("scene")
    for frames in steps[1:]:
        run.take(frames)
    seat.viewer.seek = 21
    seat.stream.refresh(seat.viewer)
    message = seat.next()
    while message is None or message["live"]:
        message = seat.next()
    assert (message["step"], message["newest"]) == (20, 50)
    seat.viewer.seek = None
    seat.stream.refresh(seat.viewer)
    message = seat.next()
    while message is None or not message["live"]:
        message = seat.next()
    assert message["step"] == 50


def test_who_looks_back_is_sent_no_figures_again_that_stand_still(run, steps):
    stream, viewer = Stream(run), Viewer(lambda: None)  # without its thread: messages as they are made

    def sent(seek):
        viewer.news.append(stream._message(viewer.view, seek, [viewer]))
        return json.loads(viewer.take())

    run.take(steps[1])
    assert sent(None)["type"] == "scene"
    assert "values-0" in sent(None)["figures"]
    stream._series = Made()  # due again
    back = sent(0)
    assert (back["type"], back["step"], back["newest"]) == ("patch", 0, 10)
    assert {"values-0", "loss"} <= set(back["figures"])
    run.take(steps[2])
    still = sent(0)
    assert (still["type"], still["step"], still["newest"]) == ("status", 0, 20)
    stream._series = Made()
    assert {"values-0", "loss"} <= set(sent(10)["figures"])


def test_figures_are_made_once_for_all_who_see_the_same(run, monkeypatch, steps):
    from bnviz import charts

    calls = []
    original = charts.patch
    monkeypatch.setattr(charts, "patch", lambda *a, **k: calls.append(k) or original(*a, **k))
    stream = Stream(run)
    viewers = [Viewer(lambda: None) for _ in range(20)]
    for viewer in viewers:
        stream.join(viewer)
    assert run.watchers == 20
    time.sleep(0.4)
    calls.clear()
    run.take(steps[1])
    time.sleep(0.4)
    assert 1 <= len(calls) <= 4
    assert all(viewer.news for viewer in viewers)
    for viewer in viewers:
        stream.leave(viewer)
    assert run.watchers == 0


def test_the_thread_ends_with_its_last_viewer_and_starts_again(run):
    before = threading.active_count()
    for _ in range(3):
        seat = Seat(run)
        seat.until("scene")
        seat.stream.leave(seat.viewer)
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() <= before


def test_before_the_first_frame_there_is_an_empty_scene():
    run = Run(CONFIG, "me")
    seat = Seat(run)
    scene = seat.until("scene")
    assert scene["status"] == "starting"
    assert scene["empty"] is True
    assert scene["sentence"] == []
    run.take(Note("progress", "Downloading"))
    assert seat.until("status")["text"] == "Downloading"
    seat.stream.leave(seat.viewer)


def test_a_message_that_cannot_be_made_is_said_and_the_stream_goes_on(run, seat, steps, monkeypatch, caplog):
    from bnviz import charts

    seat.until("scene")
    original = charts.patch

    def broken(*given, **named):
        raise RuntimeError("deque mutated during iteration")

    monkeypatch.setattr(charts, "patch", broken)
    run.take(steps[1])
    assert "could not be drawn (RuntimeError)" in seat.until("problem")["text"]
    assert "deque mutated" in caplog.text
    monkeypatch.setattr(charts, "patch", original)
    run.take(steps[2])
    assert seat.until("patch")["step"] == 20


def test_the_rate_is_read_while_commands_clear_it(run, steps):
    run.status = Status.RUNNING
    stop = time.monotonic() + 0.5
    clearing = threading.Thread(
        target=lambda: [run.command("pause") for _ in iter(lambda: time.monotonic() < stop, False)]
    )
    run.worker = type("Deaf", (), {"send": lambda self, name: None})()
    clearing.start()
    while time.monotonic() < stop:
        for frames in steps:
            run._take_frames(frames)
            assert run.rate is not None
    clearing.join()


def test_a_recording_is_watched_without_a_worker(steps):
    kept = Kept(Recording(CONFIG, tuple(frame for frames in steps for frame in frames)))
    seat = Seat(kept)
    scene = seat.until("scene")
    assert (scene["run"], scene["status"], scene["step"], scene["rate"]) == (kept.id, "kept", 50, 0)
    for tab in TABS:
        seat.viewer.view, seat.viewer.drawn = View(tab=tab), None
        seat.stream.refresh(seat.viewer)
        assert seat.until("scene")["tab"] == tab
    seat.viewer.view = View()
    for at, by, there in ((None, -1, 40), (40, -4, 0), (0, -1, 0), (30, 1, 40), (40, 1, None)):
        assert kept.history.moved(at, by) == there
    seat.viewer.seek = 20
    seat.stream.refresh(seat.viewer)
    while (message := seat.next()) is None or message["step"] != 20:
        pass
    seat.stream.leave(seat.viewer)
    assert kept.watchers == 0
    assert not kept.controlled_by("")


def test_a_drag_is_sent_what_moves_with_the_step_and_the_rest_once_the_step_is_looked_at_for_a_while(run, seat, steps):
    scene = seat.until("scene")
    for frames in steps[1:]:
        run.take(frames)
    for step in (10, 30):
        seat.viewer.seek = step
        seat.stream.refresh(seat.viewer)
        while (message := seat.until("patch"))["step"] != step:
            pass
        assert set(message["figures"]) == set(scene["figures"])
        assert set(message["figures"]["loss"]) == {"cursor"}
        assert {"sentence", "timeline"} <= set(message)
        assert "told" not in message
    message = seat.until("patch")  # though nothing new is heard of the run
    assert message["step"] == 30
    assert "data" in message["figures"]["loss"]
    assert message["told"]
