from __future__ import annotations

from pathlib import Path

import pytest

from bnviz.charts import TABS
from bnviz.config import RunConfig
from bnviz.presets import DEFAULT, LIVE_STEPS, PRESETS, live, preset


def test_the_default_preset_is_the_default_config():
    assert preset(DEFAULT).config == RunConfig()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_says_where_it_comes_from_and_what_to_look_for(name):
    each = preset(name)
    assert each.title
    assert any(char.isdigit() for char in each.source), "year and figure or section"
    assert each.look_for.endswith(".")
    assert each.outcome.endswith(".")
    assert any(char.isdigit() for char in each.outcome), "what was measured"
    assert RunConfig.from_query(each.config.to_query()) == each.config


def test_a_preset_is_shown_in_a_tab_that_draws_it():
    assert {each.tab for each in PRESETS.values()} <= set(TABS)
    assert all(each.config.landscape != "off" for each in PRESETS.values() if each.tab == "landscape")


def test_each_preset_is_another():
    assert len({live(each.config) for each in PRESETS.values()}) == len(PRESETS), "the page tells them apart by this"
    assert len({each.title for each in PRESETS.values()}) == len(PRESETS)


def test_an_unknown_preset_is_named():
    with pytest.raises(ValueError, match=r"preset must be one of sigmoid-depth, .*, got 'nothing'"):
        preset("nothing")


def test_the_readme_tells_of_each():
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    for name, each in PRESETS.items():
        cells = [text.replace("|", r"\|") for text in (f"`{name}`", each.source, each.look_for, each.outcome)]
        assert f"| {' | '.join(cells)} |" in readme


def test_live_it_goes_on_for_longer():
    assert live(RunConfig(steps=10)) == RunConfig(steps=LIVE_STEPS)
    assert live(RunConfig(steps=10**6)) == RunConfig(steps=10**6)
