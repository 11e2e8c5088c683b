"""Networks that come, go, are named and are drawn alone: what charts, sentence and sheet make of them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bnviz.charts import TABS, figures
from bnviz.charts.look import PALETTE
from bnviz.charts.marks import marks
from bnviz.charts.scene import Scene, View
from bnviz.config import Arm, RunConfig
from bnviz.frames import Event
from bnviz.history import History
from bnviz.lineup import flipped, lineup
from bnviz.recording import Recording
from bnviz.serve.messages import arms_of
from bnviz.training import Trainer
from bnviz.verdict import findings, sentence
from bnviz.verdict.state import read

CONFIG = RunConfig(dataset="iris", depth=2, width=8, learning_rate=0.1, steps=60)
DOINGS = {
    25: lambda t: t.fork("none", normalization="layer"),
    30: lambda t: t.change("layer", learning_rate=0.2),
    35: lambda t: [t.drop("batch"), t.rename("layer", "late one")],
    45: lambda t: t.fork("none", noise=True, normalization="batch"),
}


@pytest.fixture(scope="module")
def trained():
    trainer, steps = Trainer(CONFIG), []
    while not trainer.finished:
        if act := DOINGS.get(trainer.step_count):
            act(trainer)
        if frames := trainer.step(measure=trainer.due):
            steps.append(frames)
    return steps, tuple(trainer.events)


def scene_of(trained, shown=-1, solo=None):
    steps, events = trained
    return Scene(CONFIG, steps, events, steps[shown], solo=solo)


def lines(scene, panel, view=None):
    drawn = figures(scene, view or View())["figures"][panel]["data"]
    return [trace["line"]["color"] for trace in drawn if trace.get("mode") == "lines" and "dash" in trace["line"]]


def test_colours_and_names_stay_with_their_networks(trained):
    scene, colors = scene_of(trained), PALETTE["light"].arms
    assert scene.titles == {
        "none": "no normalization", "batch+noise": "BatchNorm + noise · forked at step 45", "layer": "late one",
    }  # fmt: skip
    assert scene.places == [0, 1, 2]  # the place of the one that was dropped is free again
    profile = figures(scene, View())["figures"]["gradient"]["data"]
    assert [trace["line"]["color"] for trace in profile[:3]] == list(colors[:3])
    early = scene_of(trained, 2)
    assert early.titles == scene.titles
    assert [frame and frame.arm for frame in early.frames] == ["none", None, None]


@pytest.mark.parametrize("tab", [*TABS])
@pytest.mark.parametrize("shown", [0, 3, -1])
def test_every_tab_is_drawn_at_every_step_with_all_and_with_one_alone(trained, tab, shown):
    for solo in (None, 2, 5):
        scene = scene_of(trained, shown, solo)
        assert len(scene.titles) == (1 if solo == 2 else 3)
        json.dumps(figures(scene, View(tab=tab, solo=solo)), allow_nan=False)


def test_alone_the_others_decide_no_range(trained):
    scene = scene_of(trained, solo=2)
    assert {frame.arm for frame in scene.recent} == {"layer"}
    title = figures(scene, View(solo=2))["grid"][0]["title"][-1]
    assert (title["text"], title["arm"], title["select"]) == ("late one", 2, 2)


@pytest.mark.parametrize("count", [1, 3, 4, 5, 6])
def test_sentence_and_findings_live_with_networks_that_came_late(trained, count):
    steps, events = trained
    said = sentence(CONFIG, steps[:count], events)
    text = "".join(span.text for span in said)
    findings(CONFIG, steps[:count], events)
    assert ("in “late one”" in text.lower()) == (steps[count - 1][0].step >= 25)
    assert "with BatchNorm " not in text.replace("with BatchNorm + noise", "")
    assert {span.arm for span in said} <= {None, 0, 1, 2}


def test_what_the_sheet_is_told(trained):
    told = arms_of(scene_of(trained, 3))
    assert [(each["label"], each["place"], each["normalization"], each["flipped"]) for each in told["arms"]] == [
        ("none", 0, "none", "batch"), ("batch+noise", 1, None, "none"), ("layer", 2, "layer", "none"),
    ]  # fmt: skip
    assert told["undo"] == "step 45: fork of no normalization → noise on, BatchNorm: the copy is dropped"
    steps, events = trained
    told = arms_of(scene_of((steps, [*events, Event(50, "drop", "batch+noise")])))
    assert told["undo"] == "step 30: LayerNorm → rate 0.2: a copy from just before it goes on beside the others"


def test_events_are_told_as_people_call_their_networks_and_a_fork_has_the_colour_of_the_new_one(trained):
    found = [(mark["text"], mark["arm"]) for mark in marks(scene_of(trained))]
    assert found == [
        ("step 25: fork of no normalization → LayerNorm", 2),
        ("step 30: LayerNorm → rate 0.2", 2),
        ("step 45: fork of no normalization → noise on, BatchNorm", 1),
    ]
    steps, events = trained
    named = [Event(5, "rename", "batch", {"name": "mine"}), Event(7, "change", None, {"learning_rate": "0.3"}), *events]
    named.append(Event(50, "diverged", "layer"))
    texts = [mark["text"] for mark in marks(scene_of((steps, named)))]
    assert texts[0] == "step 7: all networks → rate 0.3"
    assert texts[-1] == "step 50: late one diverged"


def test_titles_and_sentence_call_a_network_alike(trained):
    steps, _ = trained
    twins = RunConfig(dataset="iris", depth=2, width=8, arms=(Arm("batch"), Arm("batch")))
    renamed = [replace(frame, arm=arm) for frame in steps[-1][:1] for arm in ("batch", "batch (2)", "batch (3)")]
    events = [Event(25, "fork", "batch", {"label": "batch (3)", "place": "2"})]
    scene = Scene(twins, [tuple(renamed)], events, tuple(renamed))
    assert [*scene.titles.values()] == ["BatchNorm", "BatchNorm (2)", "BatchNorm · forked at step 25"]
    called = [state.name for state in read(twins, scene.steps, events)]
    assert called == [f"with {title}" for title in scene.titles.values()]
    assert [*replace(scene, solo=1).titles.values()] == ["BatchNorm (2)"]  # alone, it keeps its name


def test_flipping_somebodys_own_net():
    own = RunConfig(model="own", dataset="iris", arms=(Arm("as_is"), Arm("batch")))
    assert [flipped(arm, own) for arm in own.arms] == ["batch", "as_is"]
    has = RunConfig(model="own", dataset="iris", arms=(Arm("as_is"), Arm("none")))
    assert [flipped(arm, has) for arm in has.arms] == ["none", "batch"]


def test_an_event_of_an_arm_that_is_not_there_changes_nothing():
    events = [Event(3, "drop", "nobody"), Event(4, "rename", "none", {"name": "<b>"}), Event(5, "drop", "batch"),
              Event(6, "change", "batch", {"noise": "True"})]  # fmt: skip
    assert {label: member.title for label, member in lineup(CONFIG, events).items()} == {"none": "no normalization"}


def test_history_and_recording_forget_what_is_told_anew(trained, tmp_path):
    steps, events = trained
    history = History()
    items = [*Recording(CONFIG, tuple(f for each in steps for f in each), events).items()]
    again = Event(7, "fork", "none", {"label": "x", "place": "3"})
    for item in [*items, Event(20, "rewind"), again, *steps[2:4]]:
        (history.add_event if isinstance(item, Event) else history.add)(item)
    kept, told = history.snapshot()
    assert [each[0].step for each in kept] == [0, 10, 20, 30]
    assert told == [again]
