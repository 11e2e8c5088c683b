"""Events that no run can have had: the recording is shown up to them, and what was in them does no harm."""

from __future__ import annotations

import io
import json

import pytest

from bnviz.config import Arm, RunConfig
from bnviz.frames import Event
from bnviz.recording import Recording, StreamReader, StreamWriter, load_safely
from bnviz.recording.arrow import SENSELESS
from bnviz.recording.events import Told
from bnviz.training import Trainer

CONFIG = RunConfig(depth=2, width=6, arms=(Arm("batch"), Arm("none")))
FORK = {"label": "more", "place": "2"}
SENSELESS_EVENTS: dict[str, dict] = {
    "a fork without a label": {"kind": "fork", "arm": "none"},
    "no number for a place": {"kind": "fork", "arm": "none", "changes": FORK | {"place": "x"}},
    "a place that there is not": {"kind": "fork", "arm": "none", "changes": FORK | {"place": "6"}},
    "an unknown normalization": {"kind": "change", "arm": "none", "changes": {"normalization": "magic"}},
    "one that this net cannot have": {"kind": "change", "arm": "none", "changes": {"normalization": "group"}},
    "a second line": {"kind": "change", "changes": {"learning_rate": "0.1\n"}},
    "code": {"kind": "change", "changes": {"learning_rate": "0.1\nprint('INJECTED')"}},
    "a line within a label": {"kind": "fork", "arm": "none", "changes": FORK | {"label": "a\u2028b"}},
    "an endless label": {"kind": "fork", "arm": "none", "changes": FORK | {"label": "a" * 300_000}},
    "an unknown setting": {"kind": "change", "changes": {"weather": "fine"}},
    "an unknown kind": {"kind": "explode"},
    "a step that is none": {"kind": "drop", "arm": "none", "step": "3"},
    "an arm that is none": {"kind": "drop", "arm": ["none"]},
    "no changes": {"kind": "change", "changes": None},
    "values that are no text": {"kind": "change", "changes": {"learning_rate": 0.1}},
    "a name that is markup": {"kind": "rename", "arm": "none", "changes": {"name": "<b>"}},
    "more than there is in an event": {"kind": "drop", "arm": "none", "mood": "good"},
    "an integer too long for Python": {"kind": "fork", "arm": "none", "changes": FORK | {"place": "9" * 900}},
}


def written(steps, *told) -> bytes:
    """A recording with such events, as JSON, before its last step."""
    sink = io.BytesIO()
    writer = StreamWriter(sink, CONFIG)
    for frames in steps[:-1]:
        writer.write(frames)
    for each in told:
        writer._write_metadata("event", {"step": 20, "arm": None, "changes": {}} | each)
    writer.write(steps[-1])
    writer.close()
    return sink.getvalue()


@pytest.fixture
def steps(make_frame):
    return [tuple(make_frame(CONFIG, step, label) for label in CONFIG.labels) for step in (0, 10, 20)]


@pytest.mark.parametrize("case", SENSELESS_EVENTS)
def test_what_comes_before_is_shown_and_what_is_wrong_is_said(steps, case):
    found = Recording.read(io.BytesIO(written(steps, SENSELESS_EVENTS[case])))
    assert found.damage == SENSELESS
    assert found.events == ()
    assert [frame.step for frame in found.frames] == [0, 0, 10, 10]


def test_more_networks_than_a_run_can_have_and_none_at_all(steps):
    forks = [{"kind": "fork", "arm": "none", "changes": {"label": f"f{i}", "place": str(i + 2)}} for i in range(4)]
    one_more = {"kind": "fork", "arm": "none", "changes": {"label": "f5", "place": "0"}}
    drops = [{"kind": "drop", "arm": label} for label in CONFIG.labels]
    for told, kept in (([*forks], 4), ([*forks, one_more], 4), ([*forks, drops[0], one_more], 6), (drops, 1)):
        found = Recording.read(io.BytesIO(written(steps, *told)))
        assert (len(found.events), found.damage) == (kept, "" if kept == len(told) else SENSELESS)


def test_notes_and_frames_that_make_no_sense_end_it_too(steps):
    sink = io.BytesIO()
    writer = StreamWriter(sink, CONFIG)
    writer.write(steps[0])
    writer._write_metadata("note", {"kind": "progress", "mood": "good"})
    writer.write(steps[1])
    reader = StreamReader(io.BytesIO(sink.getvalue()))
    assert len(list(reader)) == 1
    assert reader.damage == SENSELESS


def test_read_apart_it_says_the_same(steps, tmp_path):
    (tmp_path / "x.arrow").write_bytes(written(steps, SENSELESS_EVENTS["code"]))
    for thinned in (False, True):
        found = load_safely(tmp_path / "x.arrow", thinned)
        assert (found.damage, len(found.frames)) == (SENSELESS, 4)


def test_all_that_can_be_done_to_a_run_is_read_as_it_was_told():
    trainer = Trainer(RunConfig(depth=3, width=6, arms=(Arm("none"), Arm("layer", trick="pretrain"))))
    label = trainer.fork("none", normalization="batch", noise=True, learning_rate=0.25)
    trainer.change(label, learning_rate=None)
    trainer.change(learning_rate=0.01, bn_momentum=0.5)
    trainer.change("none", normalization="batch_l1")
    trainer.rename("none", "mine")
    trainer.rename("none", "")
    trainer.drop("none")
    trainer.events.append(Event(7, "grow", label, {"depth": "3"}))
    trainer.events.append(Event(9, "diverged", label))
    told = [json.loads(json.dumps(event.to_dict())) for event in trainer.events]
    for config in (trainer.started_with, None):
        reader = Told(config)
        for _ in range(2):  # a rewind begins anew
            assert [reader.read(each) for each in told] == trainer.events
            reader.read(Event(3, "rewind").to_dict())
