"""The tab "Recordings" through AppTest: what is on the shelf, and all that can be done with it."""

from __future__ import annotations

import io
import os

import pytest
import streamlit

from bnviz.config import RunConfig
from bnviz.frames import Description
from bnviz.history import History
from bnviz.recording import Recording
from bnviz.serve.keeping import Keeper
from bnviz.serve.messages import header_of, scene_of
from bnviz.serve.run import Run
from bnviz.serve.shared import Server, use
from bnviz.serve.shelf import Shelf
from bnviz.serve.visitors import COOKIE
from bnviz.source import Kept, Status
from bnviz.training import train
from bnviz.ui.markdown import escaped
from tests.support.server import wait_for
from tests.ui.test_page import opened, run_of

CONFIG = RunConfig(depth=2, width=8, steps=30, seed=4)
QUERY = "depth=2&width=8&tab=recordings"


@pytest.fixture(scope="module")
def recording():
    return Recording(CONFIG, tuple(train(CONFIG)))


@pytest.fixture(autouse=True)
def hub(tmp_path):
    server = use(Server())
    server.hub.shelf = Shelf(tmp_path)
    yield server.hub
    server.close()


def kept(hub, recording, owner=""):
    history = History()
    keeper = Keeper(hub.shelf, owner, history)
    keeper.begin(Description.of(recording.config))
    for frames in recording.steps():
        history.add(frames)
        keeper.write(frames)
    keeper.close()
    return keeper.file.stem


def visited(hub, recording, count=1):
    """The page of a visitor who has so many recordings, and their keys."""
    page = opened(QUERY)
    keys = [kept(hub, recording, page.session_state["visitor"]) for _ in range(count)]
    return again(page), keys


def again(page):
    page.run(timeout=60)
    assert not page.exception
    return page


def pressed(page, name):
    page.button(key=f"recordings-{name}").click().run(timeout=60)
    assert not page.exception
    return page


def said(page):
    return " ".join(each.value for each in [*page.main.markdown, *page.main.caption])


def test_it_says_what_is_kept_and_lists_ones_own_alone(hub, recording):
    theirs = kept(hub, recording, "somebody else")
    page, (key,) = visited(hub, recording)
    text = said(page)
    assert "Every run is kept as it goes, on the machine that serves this page: up to 200 files and 4 GB" in text
    assert str(hub.shelf.folder) not in text
    assert escaped("Digits, MLP 2 × 8") in text
    assert escaped("2 hidden layers of 8, sigmoid; SGD, rate 0.5, batch 128, seed 4") in text
    assert escaped("Step 20, 3 measured") in text
    pictures = page.get("imgs") or page.get("image")  # the run of the page itself may have one by now
    assert pictures
    for picture in pictures:
        assert picture.proto.imgs[0].alt.startswith("Digits, MLP 2 × 8: training loss of no normalization, BatchNorm")
    keys = [str(each.key) for each in page.button]
    assert f"recordings-replay-{key}" in keys
    assert not [each for each in keys if theirs in each]


def test_nothing_yet_is_said(hub, monkeypatch):
    monkeypatch.setattr("bnviz.serve.admission.Admission.enter", lambda *_: False)  # no run that would be kept
    page = opened(QUERY)
    assert "Every run is kept" in said(page)
    assert "Nothing here yet" in page.info[0].value


def test_a_replay_takes_the_place_of_the_run_which_can_be_come_back_to(hub, recording):
    page, (key,) = visited(hub, recording)
    mine = run_of(page, hub)
    pressed(page, f"replay-{key}")
    source = run_of(page, hub)
    assert isinstance(source, Kept)
    assert [frame.step for frame in source.recording.frames[::2]] == [0, 10, 20]
    assert page.session_state["tab"] == "layers"
    next(each for each in page.button if each.label == "Back to my run").click().run()
    assert run_of(page, hub) is mine
    assert isinstance(mine, Run)
    assert not page.exception


def test_a_name_of_html_is_text_and_what_is_removed_comes_back(hub, recording):
    page, (key,) = visited(hub, recording)
    page.text_input(key=f"recordings-name-{key}").set_value("<img src=x> *a*").run()
    assert f"**{escaped('<img src=x> *a*')}**" in said(page)
    pressed(page, f"remove-{key}")
    assert "Removed" in said(page)
    assert key not in [entry.key for entry in hub.shelf.entries(None)]
    pressed(page, "undo")
    assert key in [entry.key for entry in hub.shelf.entries(page.session_state["visitor"])]


def test_two_are_laid_over_each_other(hub, recording):
    page, keys = visited(hub, recording, 2)
    one = page.selectbox(key="recordings_overlay_0")
    assert len({option for option in one.options if "· step 20" in option}) == 2, "apart, though all is the same"
    one.set_value(keys[0]).run()
    page.selectbox(key="recordings_overlay_1").set_value(keys[0]).run()
    assert page.button(key="recordings-overlay").disabled, "twice the same"
    page.selectbox(key="recordings_overlay_1").set_value(keys[1]).run()
    pressed(page, "overlay")
    arms = run_of(page, hub).description.arms
    assert [arm.split(": ")[1] for arm in arms] == ["no normalization", "BatchNorm"] * 2
    assert len(set(arms)) == 4
    assert not page.warning, "all of it can be compared"


def test_a_run_that_has_finished_is_called_so_and_not_one_that_is_being_written(hub):
    for query, status, badge, other in (
        (f"{QUERY}&steps=30", Status.FINISHED, "finished", "being written"),
        (f"{QUERY}&steps=1000000", Status.RUNNING, "being written", "finished"),
    ):
        page = opened(query)
        run = run_of(page, hub)
        run.watch(lambda: None)
        wait_for(lambda run=run, status=status: run.status is status and run.history.latest)
        again(page)
        assert f":blue-badge[{badge}]" in said(page)
        assert other not in said(page)


def test_an_upload_is_listed_or_refused_in_one_sentence(hub, recording):
    sink = io.BytesIO()
    recording.write(sink)
    page = opened(QUERY)
    for turn, (name, raw, text) in enumerate([
        ("../talk.arrow", sink.getvalue()[:-2000], "Added talk. It was cut short: what comes before the cut is shown."),
        ("page<b>.arrow", b"a,b\n1,2\n", "page<b>.arrow was not added: this is no recording of bnviz"),
    ]):  # fmt: skip
        page.file_uploader(key=f"recordings_file_{turn}").set_value((name, raw, "")).run(timeout=60)
        assert not page.exception
        found = [*page.main.success, *page.main.error]
        assert escaped(text) in found[0].value
    assert [entry.title for entry in hub.shelf.entries(page.session_state["visitor"]) if not entry.writing] == ["talk"]


def test_what_the_server_was_started_with_is_listed_for_all_and_is_nobodys_to_remove(hub, recording, tmp_path):
    file = tmp_path.parent / "shown.arrow"
    recording.save(file)
    hub.opened.append(Kept(recording, file))
    hub.add(hub.opened[0])
    page = again(opened(QUERY))
    assert "**shown**" in said(page)
    assert not [each for each in page.button if "remove-opened" in str(each.key)]
    pressed(page, "replay-opened 0 shown")
    assert run_of(page, hub) is hub.opened[0]


def test_what_lies_in_the_folder_unread_is_looked_at(hub, recording):
    page, (key,) = visited(hub, recording)
    (hub.shelf.folder / f"{key}.arrow").write_bytes(b"nothing of ours")
    os.utime(hub.shelf.folder / f"{key}.arrow", (1, 1))
    again(page)
    assert escaped("This is no recording of bnviz") in said(page)
    assert f"recordings-replay-{key}" not in [str(each.key) for each in page.button]


def test_a_run_that_cannot_be_kept_goes_on_and_the_page_says_so(hub, tmp_path):
    (tmp_path / "file").write_text("")
    hub.shelf = Shelf(tmp_path / "file" / "below")
    page = opened(QUERY)
    run = run_of(page, hub)
    wait_for(lambda: run.unkept and run.history.latest)
    again(page)
    assert escaped("this run is not being kept: Not a directory.") in page.main.warning[0].value
    assert header_of(run, scene_of(run, None), None)["unkept"] == run.unkept != ""


def test_what_no_card_can_be_written_of_is_listed_all_the_same(hub, recording, monkeypatch):
    monkeypatch.setattr("bnviz.ui.recordings.at_home", lambda: True)
    card = hub.shelf.folder / f"{kept(hub, recording)}.card.json"
    card.unlink()
    card.mkdir()
    page = again(opened(QUERY))
    assert escaped("Step 20, 3 measured") in said(page)


def test_a_browser_without_a_name_is_this_session_alone(hub, recording, monkeypatch):
    theirs = kept(hub, recording)
    for cookie in ("", "short"):
        monkeypatch.setattr(type(streamlit.context), "cookies", {COOKIE: cookie})
        page = opened(QUERY)
        assert not [each for each in page.button if theirs in str(each.key)]
        assert run_of(page, hub).owner == page.session_state["visitor"] != ""
