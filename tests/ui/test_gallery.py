"""The tabs of text through AppTest: presets that start, and explanations of every chart."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from bnviz.charts import TABS, View, panels
from bnviz.charts.explanations import EXPLANATIONS
from bnviz.presets import PRESETS, live
from bnviz.ui.story import CLAIMS, HISTORY, INTRODUCTION, PAPERS
from tests.charts.test_charts import scene
from tests.ui.test_page import hub, opened, player_data, run_of  # noqa: F401


def gallery():
    def script():
        import streamlit as st

        from bnviz.ui.gallery import draw

        draw(lambda name: st.session_state.update(started=name))

    page = AppTest.from_function(script).run()
    assert not page.exception
    return page


def test_each_preset_has_a_card_with_its_picture_and_its_own_start():
    page = gallery()
    pictures = [each.proto.imgs[0] for each in page.get("image")]
    assert [each.alt for each in pictures] == [f"{each.title}: picture of a run" for each in PRESETS.values()]
    assert len({each.url for each in pictures}) == len(PRESETS)
    said = " ".join(each.value for each in [*page.markdown, *page.caption])
    for each in PRESETS.values():
        assert each.look_for in said
        assert each.outcome in said
        assert each.source in said
    for name in PRESETS:
        page.button(key=f"gallery-start-{name}").click().run()
        assert page.session_state["started"] == name


@pytest.mark.parametrize(("name", "tab"), [("santurkar-fig4", "landscape"), ("good-init", "layers")])
def test_start_puts_a_preset_into_the_run_and_shows_it_where_it_shows_best(hub, name, tab):  # noqa: F811
    page = opened("depth=2&tab=presets")
    page.button(key=f"gallery-start-{name}").click().run()
    assert not page.exception
    assert run_of(page, hub).config == live(PRESETS[name].config)
    assert player_data(page)["tab"] == tab


def test_every_chart_is_explained_under_a_tab_that_has_it():
    grouped = [topic.title for tab in TABS.values() for topic in tab.topics]
    assert sorted(grouped) == sorted(topic.title for topic in EXPLANATIONS.values()), "each once"
    for tab in TABS.values():
        there = scene(landscape="0.5-4", activation="relu")
        if tab.notice(there) is not None:
            continue  # needs networks, which no frame brings along
        assert set(tab.topics) <= {panel.topic for panel in panels(there, View(tab=tab.name))}


def test_what_is_this_says_all_of_it(hub):  # noqa: F811
    page = opened("depth=2&tab=about")
    labels = [each.label for each in page.main.expander]
    assert len(labels) == len(EXPLANATIONS) + len(CLAIMS)
    formulas = [each.value.strip("$\n") for each in page.latex]
    assert sorted(formulas) == sorted(each.latex for each in EXPLANATIONS.values())
    said = " ".join(each.value for each in [*page.markdown, *page.caption])
    for text in (INTRODUCTION, HISTORY, *(each.answer for each in CLAIMS)):
        assert text in said
    for each in EXPLANATIONS.values():
        assert each.reading in said
        assert each.misleads in said
    for each in CLAIMS:
        assert PRESETS[each.preset].outcome in said


def test_each_paper_that_is_named_with_a_number_is_in_the_list():
    words = " ".join(each.source for each in [*EXPLANATIONS.values(), *PRESETS.values()])
    named = {word.strip("(),;") for word in words.split() if word.strip("(),;")[:4].isdigit() and "." in word}
    assert named
    assert named <= set(PAPERS.values())
