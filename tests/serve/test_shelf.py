"""The folder of recordings: bounded, listed without reading, each visitor's own, and harmless whatever is put there."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time

import pytest

from bnviz.frames import Description
from bnviz.history import History
from bnviz.recording import Recording
from bnviz.recording.arrow import CUT, DAMAGED, NO_RECORDING
from bnviz.serve import shelf as module
from bnviz.serve.keeping import Keeper
from bnviz.serve.shelf import Shelf, owner_mark
from tests.serve.conftest import CONFIG
from tests.support.server import ROOT


@pytest.fixture(scope="module")
def raw(recording):
    sink = io.BytesIO()
    recording.write(sink)
    return sink.getvalue()


def kept(shelf, steps, owner="me", at=None):
    """Write a run as the server does; at: when, in seconds since 1970."""
    history = History()
    keeper = Keeper(shelf, owner, history)
    keeper.begin(Description.of(CONFIG))
    for frames in steps:
        history.add(frames)
        keeper.write(frames)
    keeper.close()
    if at is not None:
        os.utime(keeper.file, (at, at))
    return keeper.file


def test_a_run_is_listed_in_short_without_its_file_being_read(shelf, steps, monkeypatch):
    file = kept(shelf, steps)
    monkeypatch.setattr("bnviz.serve.shelf.entry.load_safely", None)
    (entry,) = shelf.entries("me")
    assert (entry.file, entry.size, entry.writing, entry.known) == (file, file.stat().st_size, False, True)
    assert entry.card.settings == CONFIG
    assert (entry.card.step, entry.card.measured) == (steps[-1][0].step, len(steps))
    assert entry.card.arms == ("no normalization", "BatchNorm")
    assert entry.card.owner == owner_mark("me") != "me"
    assert "me" not in json.loads((shelf.folder / f"{entry.key}.card.json").read_text()).values()


def test_each_visitor_sees_their_own_and_the_owner_of_the_machine_all(shelf, steps):
    kept(shelf, steps, "me")
    kept(shelf, steps, "you")
    assert len(shelf.entries(None)) == 2
    (mine,), (yours,) = shelf.entries("me"), shelf.entries("you")
    assert mine.key != yours.key
    assert shelf.entry(yours.key, "me") is None
    assert shelf.entry(yours.key, "you") == yours
    assert shelf.entry("../kept/" + mine.key, "me") is None


def test_a_run_that_hardly_began_leaves_nothing(shelf, steps):
    kept(shelf, steps[:1])
    assert list(shelf.folder.iterdir()) == []


def test_a_lost_or_outdated_card_is_made_anew_from_the_file(shelf, steps):
    file = kept(shelf, steps)
    (before,) = shelf.entries("me")
    card = shelf.folder / f"{before.key}.card.json"
    for harm in (card.unlink, lambda: card.write_text("{"), lambda: card.write_text('{"began": "x", "arms": 3}'),
                 lambda: card.write_text(" " * 300_000)):  # fmt: skip
        harm()
        (entry,) = shelf.entries(None)
        assert not entry.known
        shelf.examine(entry)
        (after,) = shelf.entries(None)
        assert after.known
        assert (after.card.picture, after.card.step, after.card.arms) == (
            before.card.picture, before.card.step, before.card.arms)  # fmt: skip
    with file.open("r+b") as cut:  # as a server that was killed leaves it
        cut.truncate(before.size - 3000)
    os.utime(file, (time.time() - 1000,) * 2)
    (entry,) = shelf.entries(None)
    assert not entry.known
    found = shelf.examine(entry)
    assert found.damage == CUT
    assert found.step < before.card.step


def test_the_oldest_goes_first_but_nothing_that_is_watched_written_or_named_by_hand(shelf, steps, monkeypatch):
    now = time.time()
    files = [kept(shelf, steps, at=now - 5000 + place) for place in range(6)]
    writing = shelf.begin("me", Description.of(CONFIG))
    writing.write_bytes(files[0].read_bytes()[:-8])
    byhand = shelf.folder / "mine.arrow"
    byhand.write_bytes(files[0].read_bytes())
    os.utime(byhand, (1, 1))
    monkeypatch.setattr(module, "MAX_FILES", 4)
    shelf.make_room(spare=[files[0]])
    assert sorted(shelf.folder.glob("*.arrow")) == sorted([files[0], *files[4:], writing, byhand])
    assert {entry.file for entry in shelf.entries(None)} == {files[0], *files[4:], writing, byhand}
    assert len(list(shelf.folder.glob("*.card.json"))) == 4
    assert not shelf.full
    shelf.most_bytes = 100
    shelf.make_room()
    assert sorted(shelf.folder.glob("*.arrow")) == sorted([writing, byhand])
    assert shelf.full, "one that is being written is larger than all may be"


def test_where_all_room_is_taken_a_run_goes_on_and_says_so(shelf, steps):
    history = History()
    keeper = Keeper(shelf, "me", history)
    keeper.begin(Description.of(CONFIG))
    keeper.write(steps[0])
    shelf.full = True
    keeper.write(steps[1])
    keeper.write(steps[2])
    assert keeper.problem == "From here on this run is not being kept: recordings take all the room they may, 4 GB."
    assert [frame.step for frame in Recording.load(keeper.file).frames[::2]] == [steps[0][0].step, steps[1][0].step]


def test_a_folder_that_cannot_be_written_is_said(tmp_path, steps):
    blocked = tmp_path / "file"
    blocked.write_text("")
    keeper = Keeper(Shelf(blocked / "below"), "me", History())
    keeper.begin(Description.of(CONFIG))
    keeper.write(steps[0])
    keeper.close()
    assert keeper.problem == "From here on this run is not being kept: Not a directory."
    assert keeper.file is None


FULL_DISK = """
import resource, sys
from pathlib import Path
from bnviz.recording import Recording
from bnviz.history import History
from bnviz.serve.keeping import Keeper
from bnviz.serve.shelf import Shelf
given = Recording.load(sys.argv[1])
keeper = Keeper(Shelf(Path(sys.argv[2])), "me", History())
keeper.begin(given.description)
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
for frames in given.steps():
    keeper.write(frames)
keeper.close()
print(keeper.problem, keeper.file)
"""


def test_a_full_disk_is_said_and_what_was_written_opens(tmp_path, raw):
    (tmp_path / "given.arrow").write_bytes(raw)
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path / "given.arrow"), str(tmp_path / "kept")]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert said.startswith("From here on this run is not being kept: File too large.")


def test_a_name_is_kept_and_an_empty_one_is_none(shelf, steps):
    kept(shelf, steps)
    (entry,) = shelf.entries("me")
    assert entry.title == "Digits, MLP 2 × 8"
    shelf.rename(entry, "  <b>bold</b>\n../../x " + "y" * 99)
    (named,) = shelf.entries("me")
    assert named.title.startswith("<b>bold</b> ../../x yyy")
    assert len(named.title) == 60
    assert named.key == entry.key
    shelf.rename(named, " ")
    assert shelf.entries("me") == [entry]


def test_what_was_removed_can_be_put_back_for_a_while(shelf, steps, monkeypatch):
    kept(shelf, steps)
    (entry,) = shelf.entries("me")
    shelf.remove(entry)
    assert shelf.entries(None) == []
    shelf.make_room()
    assert shelf.restore(entry)
    assert shelf.entries("me") == [entry]
    shelf.remove(entry)
    monkeypatch.setattr(module, "UNDO_SECONDS", -1.0)
    shelf.make_room()
    assert list(shelf.folder.iterdir()) == []
    assert not shelf.restore(entry)


def test_an_upload_is_added_as_far_as_it_goes_and_what_is_wrong_is_said(shelf, recording, raw, monkeypatch):
    whole = shelf.add(raw, "C:\\talks\\my <i>run.arrow", "me")
    assert (whole.title, whole.card.damage, whole.card.settings) == ("my <i>run", "", CONFIG)
    assert len(Recording.load(whole.file).frames) == len(recording.frames)
    cut = shelf.add(raw[: len(raw) // 2], "cut.arrow", "me")
    assert cut.card.damage == CUT
    assert 0 < len(Recording.load(cut.file).frames) < len(recording.frames)
    harmed = bytearray(raw)
    harmed[len(raw) * 3 // 4] ^= 255
    assert shelf.add(bytes(harmed), "harmed.arrow", "me").card.damage == DAMAGED
    for foreign in (b"a,b\n1,2\n", b"\x89PNG\r\n\x1a\n" + bytes(500), b""):
        with pytest.raises(ValueError, match=r"^x\.arrow was not added: this is no recording of bnviz") as error:
            shelf.add(foreign, "../../x.arrow", "me")
        assert str(error.value).endswith(NO_RECORDING[1:])
    monkeypatch.setattr(module, "MAX_UPLOAD_MEGABYTES", 0)
    with pytest.raises(ValueError, match=r"^big\.arrow is larger than the 0 MB that are allowed\.$"):
        shelf.add(raw, "big.arrow", "me")
    assert len(list(shelf.folder.iterdir())) == 6, "three recordings with their cards, and nothing else"
    assert len(shelf.entries("me")) == 3
