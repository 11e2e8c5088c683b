"""A run's session on its way back, without its process: what it tells when, and of a way that leads nowhere."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest

from bnviz.config import RunConfig
from bnviz.frames import Event
from bnviz.recording import Note, StreamReader, StreamWriter
from bnviz.serve import session as sessions
from bnviz.training import Trainer
from bnviz.training.replay import Journey, with_fork
from bnviz.training.slow import SlowMotion

CONFIG = RunConfig(depth=2, width=4, dataset="iris", steps=1000)


@pytest.fixture
def trainer():
    each = Trainer(CONFIG)
    for _ in range(30):
        each.step(measure=True)
    return each


@pytest.fixture
def written():
    return io.BytesIO()


@pytest.fixture
def session(trainer, written):
    return sessions.Session(trainer, SlowMotion(trainer), StreamWriter(written, CONFIG), commands=None, rest_after=True)


def iter_of(*commands):
    """Commands that come one by one, None for none yet."""
    left = iter(commands)
    return SimpleNamespace(next=lambda timeout: next(left))


def told(session, written):
    """What it has said but for signs of life, which come when they are due."""
    session.writer.close()
    written.seek(0)
    return [item for item in StreamReader(written) if not (isinstance(item, Note) and item.kind == "beat")]


def test_a_way_that_is_broken_off_has_told_nothing_but_how_far_it_came(session, trainer, written, monkeypatch):
    monkeypatch.setattr(sessions, "SLICE", 1e-6)  # some steps at most, however fast
    session.journey = Journey(trainer, with_fork(trainer, 0, 10, "none", {}), 10)
    while session.journey.trainer.step_count < 25:
        session._travel(session.journey)
    assert session.trainer is trainer
    notes = told(session, written)
    assert {(type(each), each.kind) for each in notes} == {(Note, "progress")}
    assert {each.text.split(": ")[1] for each in notes} == {"going back to step 10 …", "training again from step 10 …"}


def test_a_way_that_leads_nowhere_leaves_the_run_as_it_was_and_what_waited_happens(session, trainer, written):
    session.journey = Journey(trainer, [Event(20, "drop", "none"), Event(20, "drop", "batch")], 10)
    session.waiting = [{"command": "rename", "arm": "none", "name": "still here"}]
    session._travel(session.journey)
    while session.journey is not None:
        session._travel(session.journey)
    assert (session.trainer, session.paused) == (trainer, True)
    items = [each for each in told(session, written) if not isinstance(each, Note) or each.kind != "progress"]
    assert [each.kind for each in items] == ["rename", "paused", "problem"]  # a status takes a problem away
    assert "the only network left" in items[-1].text


def test_a_nap_that_ends_too_late_does_not_end_the_rest_that_was_asked_for(session, trainer, written):
    session.rest_at = 30  # where it is
    session.commands = iter_of(
        {"command": "pause", "unwatched": True}, {"command": "play", "unwatched": True}, {"command": "stop"}
    )
    session.loop()
    assert (session.paused, trainer.step_count) == (True, 31)
    items = told(session, written)
    assert items[0].kind == "paused"
    assert items[1][0].step == 30
    assert len(items) == 2


def test_who_plays_before_the_rest_that_was_asked_for_is_not_held_up_there(session, trainer, written):
    session.rest_at = 35
    session.commands = iter_of({"command": "play"}, *[None] * 12, {"command": "stop"})
    session.loop()
    assert not session.paused
    assert trainer.step_count > 36


@pytest.mark.parametrize(("rest_at", "rests"), [(29, True), (35, False), (None, False)])
def test_a_run_that_comes_back_rests_where_it_rested_and_else_goes_on(session, rest_at, rests):
    session.rest_at, session.rest_after = rest_at, False
    session.come_back([], 30)
    while session.journey is not None:
        session._travel(session.journey)
    assert (session.paused, session.trainer.step_count) == (rests, 30)
    assert session.rest_at == (None if rests else rest_at)


def test_who_plays_on_the_way_is_not_held_up_at_the_rest_that_was_asked_for(session):
    session.rest_at = 35
    session.come_back([], 30)
    session._obey("play")
    assert session.rest_at is None


@pytest.mark.parametrize(
    "command",
    [{"command": "pace", "no": 1}, {"command": "look"}, {"command": "play", "no": 1},
     {"command": "fork", "arm": [], "at": "x"},
     {"command": "change", "fields": "none"}, {"command": "rename", "arm": "none"}],
)  # fmt: skip
def test_a_command_that_nobody_understands_is_said_and_changes_nothing(session, trainer, written, command):
    session._obey(**command)
    assert [(each.kind, "understood" in each.text) for each in told(session, written)] == [("problem", True)]
    assert (session.trainer, session.paused, trainer.step_count) == (trainer, False, 30)
