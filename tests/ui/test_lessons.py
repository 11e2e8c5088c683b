"""Lessons through AppTest: what is hidden, what waits for a prediction, and what the link brings back."""

from __future__ import annotations

from bnviz.config import Arm, RunConfig
from bnviz.lessons import built_in
from bnviz.source import Status
from bnviz.ui.markdown import escaped
from tests.support.server import wait_for
from tests.ui.test_page import hub, link_of, opened, player_data, run_of  # noqa: F401


def controls(page) -> set[str]:
    """Keys of the settings that can be changed."""
    widgets = [*page.slider, *page.select_slider, *page.selectbox, *page.number_input, *page.toggle]
    widgets += page.get("button_group")
    return {each.key for each in widgets if each.key}


def wish(page, **what):
    page.session_state["lesson_wish"] = what
    page.run()
    assert not page.exception
    return player_data(page)["lesson"]


def reopened(page):
    """The page of whoever opens the link as it is now."""
    return opened("&".join(f"{name}={text}" for name, text in link_of(page).items()))


def test_controls_are_hidden_one_by_one_and_keep_the_values_of_the_link(hub):  # noqa: F811
    everything = controls(opened("depth=2"))
    page = opened("depth=3&width=16&seed=5&hide=depth,seed")
    assert everything - controls(page) == {"field_depth", "field_seed"}
    assert run_of(page, hub).config == RunConfig(depth=3, width=16, seed=5, steps=20_000)
    page.select_slider(key="field_width").set_value(32).run()
    assert run_of(page, hub).config == RunConfig(depth=3, width=32, seed=5, steps=20_000)
    assert link_of(page)["hide"] == "depth,seed"
    assert not [each for each in player_data(page)["tabs"] if each["hidden"]]


def test_groups_and_tabs_are_hidden(hub):  # noqa: F811
    page = opened("depth=2&hide=settings,texts,landscape")
    assert controls(page) == set()
    assert not page.sidebar.expander
    assert not page.sidebar.button
    shown = [each["name"] for each in player_data(page)["tabs"] if not each["hidden"]]
    assert "layers" in shown
    assert not {"landscape", "presets", "lessons", "about"} & set(shown)
    assert player_data(page)["fixed"]
    page.session_state["toggle"] = 0  # the keyboard cannot do what is hidden either
    page.session_state["setting"] = {"landscape": "0.5-4"}
    page.run()
    assert run_of(page, hub).config == RunConfig(depth=2, steps=20_000)


def test_a_data_set_that_is_chosen_brings_the_loss_that_is_hidden(hub):  # noqa: F811
    page = opened("depth=2&hide=advanced")
    page.selectbox(key="field_dataset").set_value("gaussian").run()
    assert run_of(page, hub).config.loss == "squared_error"
    assert not page.warning


def test_what_cannot_be_hidden_is_said(hub):  # noqa: F811
    assert escaped("got 'dept'. Nothing is hidden.") in opened("depth=2&hide=dept").warning[0].value
    assert "lesson must be one of vanishing" in opened("depth=2&lesson=nothing").warning[0].value
    said = opened("depth=2&answer=guesses").warning[0].value
    assert escaped("The question of the link cannot be asked: a question is one of learns") in said


def test_a_lesson_waits_plays_and_goes_on_without_a_reset(hub):  # noqa: F811
    page = opened("lesson=vanishing")
    run = run_of(page, hub)
    assert controls(page) == set()
    wait_for(lambda: run.status is Status.PAUSED and run.history.latest is not None)
    shown = player_data(page)["lesson"]
    assert (shown["at"], shown["of"], shown["open"], shown["heading"]) == (0, 5, True, "Two networks, one difference")
    assert run.step == 0
    assert shown["then"] == "The run waits for your prediction."
    shown = wish(page, say=1)
    assert (shown["open"], shown["said"], shown["ask"], shown["until"]) == (False, 1, "learns 0 1", 200)
    wait_for(lambda: run.status is Status.FINISHED)
    for _ in range(4):
        wish(page, go=1)
    assert player_data(page)["lesson"]["at"] == 2
    assert (link_of(page)["at"], link_of(page)["said"]) == ("3", "1b2-3-")
    wish(page, go=1)
    assert player_data(page)["lesson"]["then"] == "The networks are changed, and go on, once you have predicted."
    assert wish(page, say=0)["at"] == 3
    assert run_of(page, hub) is run
    wait_for(lambda: run.status is Status.FINISHED and run.step >= 390)
    assert run.config.arms == (Arm("batch"), Arm("batch"))


def test_it_is_said_that_a_new_run_waits_for_a_prediction_and_rows_have_their_networks_names(hub):  # noqa: F811
    page = opened("lesson=tiny-batches&at=3&said=1a2a")
    assert "a new one begins once you have predicted" in player_data(page)["lesson"]["then"]
    page = opened("preset=before-bn&arms=none,none%2Bauxiliary,none%2Bpretrain,batch,batch")
    assert [page.toggle(key=f"arm{place}_on").label for place in range(5)] == [
        "No normalization", "No normalization + auxiliary losses", "No normalization + pre-training", "BatchNorm",
        "BatchNorm (2)",
    ]  # fmt: skip


def test_settings_of_the_link_come_before_those_of_a_lesson(hub):  # noqa: F811
    page = opened("lesson=vanishing&depth=2&width=8&steps=30")
    run = run_of(page, hub)
    assert wish(page, say=1)["until"] == 30
    assert run_of(page, hub) is run
    assert (run.config.depth, run.config.seed) == (2, 0)
    wait_for(lambda: run.status is Status.FINISHED)


def test_the_link_alone_brings_back_the_place_in_a_lesson(hub):  # noqa: F811
    page = opened("lesson=shift")
    wish(page, say=0)
    wish(page, go=1)
    again = reopened(page)
    assert player_data(again)["lesson"] == player_data(page)["lesson"]
    assert run_of(again, hub) is not run_of(page, hub), "a run of one's own"
    assert link_of(again) | {"run": ""} == link_of(page) | {"run": ""}
    assert run_of(again, hub).rest_at is None


def test_at_the_end_all_controls_are_back_and_the_run_goes_on(hub):  # noqa: F811
    page = opened("lesson=shift&at=3&said=1a2a")
    run = run_of(page, hub)
    assert wish(page, go=1) is None
    assert player_data(page)["tab"] == "lessons"
    assert run_of(page, hub) is run
    assert run.config.steps == 20_000
    assert "lesson" not in link_of(page)
    assert "field_depth" in controls(page)


def test_a_lesson_can_be_left(hub):  # noqa: F811
    page = opened("lesson=shift")
    page.button(key="leave_lesson").click().run()
    assert player_data(page)["lesson"] is None
    assert {"field_depth", "preset"} <= controls(page)


def test_the_tab_offers_every_lesson_and_begins_one_anew(hub):  # noqa: F811
    page = opened("depth=2&tab=lessons")
    run = run_of(page, hub)
    said = " ".join(each.value for each in page.main.markdown)
    assert all(f"**{each.title}**\n\n{each.about}" in said for each in built_in().values())
    page.button(key="lessons-start-vanishing").click().run()
    assert not page.exception
    assert run_of(page, hub) is not run
    assert run_of(page, hub).config == built_in()["vanishing"].config
    assert run_of(page, hub).rest_at == 0
    assert player_data(page)["tab"] == "layers"
    assert link_of(page)["lesson"] == "vanishing"
    page.button(key="leave_lesson").click().run()
    page.session_state["tab"] = "presets"
    page.run()
    page.button(key="gallery-start-relu-lr").click().run()
    assert player_data(page)["lesson"] is None


def test_a_link_asks_a_question_of_its_own(hub):  # noqa: F811
    page = opened("depth=2&width=8&steps=60&ask=Who?&answer=weakest none&hide=settings")
    shown = player_data(page)["lesson"]
    assert (shown["question"], shown["ask"], shown["until"], shown["text"]) == ("Who?", "weakest 0", 60, [])
    run = run_of(page, hub)
    wait_for(lambda: run.status is Status.PAUSED)
    assert wish(page, say=2)["said"] == 2
    wait_for(lambda: run.status is Status.FINISHED)
    assert {"ask": "Who?", "answer": "weakest none", "said": "1c", "hide": "settings"}.items() <= link_of(page).items()
    assert player_data(reopened(page))["lesson"] == player_data(page)["lesson"]


def test_nonsense_from_the_browser_changes_nothing(hub):  # noqa: F811
    page = opened("lesson=shift")
    before = player_data(page)["lesson"]
    for what in ({"go": 5}, {"say": 99}, {"say": "x"}, {"go": None}, {}):
        assert wish(page, **what) == before


def test_a_run_can_wait_for_play(hub):  # noqa: F811
    run = run_of(opened("depth=2&paused=1"), hub)
    wait_for(lambda: run.status is Status.PAUSED and run.history.latest is not None)
    assert run.step == 0
    run.command("play")
    wait_for(lambda: run.step > 20)


def test_a_link_leads_to_a_step_and_a_lesson_waits_there(hub):  # noqa: F811
    run = run_of(opened("depth=2&width=8&step=45"), hub)
    run.watch(lambda: None)  # or it would rest before
    wait_for(lambda: run.status is Status.PAUSED and run.step == 45)
    assert [frames[0].step for frames in run.history.snapshot()[0]][:5] == [0, 10, 20, 30, 40]
    run.command("play")
    wait_for(lambda: run.step > 60)
    page = opened("lesson=vanishing&depth=2&width=8&step=25")
    run = run_of(page, hub)
    run.watch(lambda: None)
    wait_for(lambda: run.status is Status.PAUSED and run.step == 25)
    wish(page, say=0)
    wait_for(lambda: run.status is Status.FINISHED)
    wrong = opened("depth=2&step=-3").warning[0].value
    assert escaped("step must be a whole number from 0 on, got '-3'.") in wrong


def test_somebody_elses_run_comes_with_no_lesson(hub):  # noqa: F811
    mine = opened("lesson=shift")
    theirs = opened(f"run={run_of(mine, hub).id}")
    assert run_of(theirs, hub) is run_of(mine, hub)
    assert player_data(theirs)["lesson"] is None
