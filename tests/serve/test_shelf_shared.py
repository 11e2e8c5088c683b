"""A shelf that many use, some of whom mean harm: nobody gets at what is others', and no file breaks the list."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import threading
import time
from dataclasses import replace

import pytest

from bnviz.frames import Description, Event
from bnviz.history import History
from bnviz.recording import StreamWriter, load_safely
from bnviz.recording import arrow as reading
from bnviz.serve import lent as lent_module
from bnviz.serve import shelf as module
from bnviz.serve.hub import Hub
from bnviz.serve.keeping import Keeper
from bnviz.serve.lending import lend, lend_both
from bnviz.serve.run import Run
from bnviz.serve.shelf import Shelf
from bnviz.serve.shelf.card import MAX_BYTES, MOST_ARMS
from bnviz.serve.shelf.entry import UNSHOWABLE
from bnviz.serve.visitors import COOKIE, browser
from bnviz.source import Kept
from tests.serve.conftest import CONFIG
from tests.serve.test_shelf import kept

LONG_AGO = (1000.0, 1000.0)


def raw(about, *items) -> bytes:
    sink = io.BytesIO()
    writer = StreamWriter(sink, about)
    for item in items:
        writer.write(item)
    writer.close()
    return sink.getvalue()


def test_an_upload_of_what_cannot_have_been_is_listed_up_to_there(shelf, steps):
    harm = Event(steps[1][0].step, "fork", CONFIG.labels[0], {"place": "x"})
    added = shelf.add(raw(CONFIG, steps[0], steps[1], harm, *steps[2:]), "x.arrow", "me")
    assert (added.card.damage, added.card.measured) == (reading.SENSELESS, 2)
    (entry,) = shelf.entries("me")
    assert entry.known
    assert shelf.entries("you") == []


def test_an_upload_with_endless_names_and_many_networks_has_a_card_that_can_be_read(shelf, steps):
    names = tuple(f"{'<' * 300_000}\n{place}" for place in range(MOST_ARMS + 3))
    frames = [tuple(replace(each[0], arm=name) for name in names) for each in steps[:3]]
    shelf.add(raw(Description(steps[0][0].layers, names), *frames), "x.arrow", "me")
    (entry,) = shelf.entries("me")
    assert entry.known
    assert (len(entry.card.arms), entry.card.measured) == (MOST_ARMS, 3)
    assert (shelf.folder / f"{entry.key}.card.json").stat().st_size < MAX_BYTES


def test_an_upload_is_its_owners_from_the_first_moment_or_not_there(shelf, recording, monkeypatch):
    given = raw(CONFIG, *recording.items())
    with monkeypatch.context() as patched:
        patched.setattr(shelf, "examine", lambda entry: 1 / 0)  # as if the server ended there
        with pytest.raises(ZeroDivisionError):
            shelf.add(given, "x.arrow", "me")
    assert len(shelf.entries("me")) == len(shelf.entries(None)) == 1
    before = set(shelf.folder.iterdir())
    monkeypatch.setattr(module.secrets, "token_hex", lambda count: "0" * 16)
    (shelf.folder / f"{'0' * 16}.arrow" / "in the way").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        shelf.add(given, "x.arrow", "me")
    assert set(shelf.folder.iterdir()) == before | {shelf.folder / f"{'0' * 16}.arrow"}


def test_what_cannot_be_drawn_is_said_and_takes_nothing_along(shelf, steps, monkeypatch, caplog):
    file = kept(shelf, steps)
    (file.with_suffix(".card.json")).unlink()
    monkeypatch.setattr("bnviz.serve.shelf.card.of_losses", lambda scene: {}["nothing"])
    caplog.set_level(logging.CRITICAL)
    (entry,) = shelf.entries(None)
    assert shelf.examine(entry).damage == UNSHOWABLE
    (after,) = shelf.entries(None)
    assert (after.known, after.card.measured) == (True, 0)


def test_what_no_card_can_be_written_of_is_examined_once(shelf, steps):
    file = kept(shelf, steps)
    card = file.with_suffix(".card.json")
    card.unlink()
    card.mkdir()  # as good as a folder that cannot be written
    (entry,) = shelf.entries(None)
    assert not entry.known
    shelf.examine(entry)
    (after,) = shelf.entries(None)
    assert (after.known, after.card.measured) == (True, len(steps))
    with file.open("r+b") as cut:
        cut.truncate(entry.size - 3000)
    os.utime(file, LONG_AGO)
    assert not shelf.entries(None)[0].known, "it is another file by now"


def test_a_run_that_rests_is_being_written_and_its_file_is_whole_in_the_end(shelf, steps, monkeypatch):
    hub = Hub()
    run = Run(CONFIG, "me", shelf=shelf)
    hub.add(run)
    run.take(Description.of(CONFIG))
    for frames in steps:
        run.take(frames)
    os.utime(run.file, LONG_AGO)
    (entry,) = shelf.entries("me")
    assert entry.writing
    assert lend(hub, entry) is run
    monkeypatch.setattr(module, "MAX_FILES", 0)
    shelf.make_room()
    assert run.file.exists()
    other = Shelf(shelf.folder)  # of another server on the same folder
    assert other.entries("me")[0].writing
    other.make_room()
    assert run.file.exists()
    os.utime(run.file, LONG_AGO)  # this machine slept, and the other server did not
    assert other.examine(other.entries("me")[0]).damage == reading.CUT
    run.keeper.close()
    (entry,) = shelf.entries("me")
    assert (entry.writing, entry.known, entry.card.damage) == (False, True, "")


def test_a_run_that_could_not_be_written_to_its_end_says_so(shelf, steps):
    keeper = Keeper(shelf, "me", history := History())
    keeper.begin(Description.of(CONFIG))
    for place, frames in enumerate(steps):
        shelf.full = place > 1
        history.add(frames)
        keeper.write(frames)
    keeper.close()
    assert shelf.entries("me")[0].card.damage == reading.CUT


def test_who_has_most_makes_room(shelf, steps, monkeypatch):
    now = time.time()
    yours = [kept(shelf, steps, "you", at=now - 5000 + place) for place in range(2)]
    mine = [kept(shelf, steps, "me", at=now - 4000 + place) for place in range(6)]
    monkeypatch.setattr(module, "MAX_FILES", 5)
    shelf.make_room()
    assert {entry.file for entry in shelf.entries(None)} == {*yours, *mine[3:]}
    monkeypatch.setattr(module, "MAX_FILES", 3)
    shelf.make_room()
    assert {entry.file for entry in shelf.entries(None)} == {yours[1], *mine[4:]}, "of as many each, the oldest"
    with yours[1].open("ab") as file:
        file.write(bytes(mine[4].stat().st_size * 2))
    os.utime(yours[1], (now - 1000, now - 1000))
    shelf.most_bytes = yours[1].stat().st_size + mine[4].stat().st_size
    shelf.make_room()
    assert {entry.file for entry in shelf.entries(None)} == {*mine[4:]}, "of room, whoever takes most"
    assert not shelf.full


def test_nobody_in_particular_sees_nothing_also_where_files_are_nobodys(shelf, steps):
    kept(shelf, steps, "")
    assert len(shelf.entries(None)) == 1
    assert shelf.entries("") == []
    for known in ({}, {COOKIE: ""}, {COOKIE: "x" * 15}, {COOKIE: None}):
        assert browser(known) == ""
    assert browser({COOKIE: "x" * 24}) == "x" * 24


def test_no_more_is_lent_at_once_than_there_is_room_for(recording, monkeypatch):
    monkeypatch.setattr(lent_module, "MOST", 3)
    hub = Hub()
    first, *others = [hub.lent.add(Kept(recording)) for _ in range(3)]

    def news():
        pass

    for each in others:
        each.watch(news)
    with pytest.raises(ValueError, match=r"^3 recordings are being watched here already; please try again"):
        hub.lent.add(Kept(recording))
    assert hub.get(first.id) is first, "its page is still loading"
    monkeypatch.setattr(lent_module, "LINGER_SECONDS", 0.0)
    more = hub.lent.add(Kept(recording))
    more.watch(news)
    assert hub.get(first.id) is None
    assert [hub.get(each.id) for each in (*others, more)] == [*others, more]
    with pytest.raises(ValueError, match=r"try again in a minute\.$"):
        hub.lent.add(Kept(recording))
    monkeypatch.setattr(lent_module, "FORGET_SECONDS", 0.0)
    others[0].leave(news)
    hub.lent.tidy()
    assert set(hub.lent.all()) == {others[1], more}


def test_two_are_laid_over_each_other_once(recording):
    hub = Hub()
    one, other = hub.lent.add(Kept(recording)), hub.lent.add(Kept(recording))
    made = lend_both(hub, ("a", one), ("b", other))
    assert lend_both(hub, ("a", one), ("b", other)) is made
    assert lend_both(hub, ("a", one), ("c", other)) is not made
    assert len(hub.lent.all()) == 4


def test_a_few_files_are_read_at_once_and_the_others_wait(recording, tmp_path, monkeypatch):
    recording.save(tmp_path / "x.arrow")
    now, most, really = [], [], subprocess.run

    def counted(*args, **options):
        now.append(1)
        most.append(len(now))
        try:
            return really(*args, **options)
        finally:
            now.pop()

    monkeypatch.setattr("bnviz.recording.subprocess.run", counted)
    threads = [threading.Thread(target=load_safely, args=(tmp_path / "x.arrow", True)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 5
    assert max(most) == 2
