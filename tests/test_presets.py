from __future__ import annotations

import re
from pathlib import Path

import pytest

from bnviz.charts import TABS
from bnviz.config import RunConfig
from bnviz.presets import DEFAULT, LIVE_STEPS, PRESETS, live, preset
from bnviz.verdict.expected import RULES


def test_the_default_preset_is_the_default_config():
    assert preset(DEFAULT).config == RunConfig()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_says_where_it_comes_from_and_what_to_look_for(name):
    each = preset(name)
    assert each.title
    assert re.search(r"\b(19|20)\d\d\b.*(section|Fig\.|Definition)", each.source), "year, and figure or section"
    assert each.look_for.endswith(".")
    assert each.outcome.endswith(".")
    assert RunConfig.from_query(each.config.to_query()) == each.config


SAID = {
    "sigmoid-depth": {
        r"stays at ([\d.]+)": "loss, plain (ln 10 = 2.30)",
        r"ICS of ([\d.]+);": "relative ICS, plain",
        r"accuracy is (\d+) to": "accuracy, BN",
        r"about ([\d.]+) and": "relative ICS, BN",
        r"and (\d+) to \d+ times": "|G-G'|, BN over plain",
    },
    "ioffe-fig1": {
        r"after (\d+) to": "steps to 90 %, BN",
        r"moves ([\d.]+) to": "range of a unit's median, plain over BN",
    },
    "santurkar-fig3-dln": {
        r"BatchNorm is ([\d.]+\d)": "lowest cosine, plain (layers 9, 17)",
        r"it (-[\d.]+) to": "lowest cosine, BN (17)",
        r"is (\d+) to \d+ times": "|G-G'|, BN over plain",
    },
    "santurkar-fig4": {
        r"is (\d+) to \d+ times as wide": "width of the loss band, plain over BN",
        r"changes (\d+) to": "change of the gradient, plain over BN",
        r"beta is ([\d.]+) to": "beta, plain over BN",
    },
    "santurkar-fig2-noise": {
        r"stays at ([\d.]+)": "loss, plain",
        r"falls to ([\d.]+)": "loss, BN",
        r"moves (\d+) times": "unrest of a unit's median, noise over BN",
        r"and (\d+) to \d+ times": "unrest of a unit's median, noise over plain",
    },
    "santurkar-norms": {
        r"at ([\d.]+) to": "last loss, BN over plain",
        r"still, at ([\d.]+) to": "last loss, L1 over BN",
        r"\(([\d.]+) to": "last loss, L∞ over plain",
        r"cosine (-[\d.]+) to": "lowest cosine, L1 (17)",
    },
    "relu-lr": {r"by step (\d+)": "diverged by step, plain", r"reaches (\d+) to": "accuracy, BN"},
    "varma-init": {
        r"shrinks to ([\d.]+) to": "spread from layer to layer, plain (0.0707)",
        r"about (1e-\d+)": "gradient of layer 1, plain",
        r"stays at ([\d.]+\d)": "loss, plain",
        r"same \(([\d.]+)\)": "spread from layer to layer, BN",
        r"falls below ([\d.]+\d)": "loss, BN",
    },
    "tiny-batch": {
        r"first layer (1e-\d+)": "gradient of layer 1, BN over plain",
        r"at \d+ to (\d+) % test": "accuracy, BN",
        r"net at (\d+) to": "accuracy, plain",
    },
    "good-init": {r"^(\d+) to": "accuracy, plain", r"of ([\d.]+) to [\d.]+ points": "accuracy, BN minus plain"},
    "before-bn": {
        r"stays at (\d+) %": "accuracy, plain",
        r"reach (\d+) to": "accuracy, auxiliary losses",
        r"growing (\d+) %": "accuracy, grown",
        r"BatchNorm (\d+) to": "accuracy, BN",
    },
    "bn-gradient-explosion": {
        r"grows ([\d.]+) to": "squared gradient, growth per layer backwards, BN (1.47)",
        r"theory\), ([\d.]+) to": "squared gradient, growth per layer backwards, plain (1)",
        r"ICS is ([\d.]+\d)": "relative ICS, BN",
    },
}
"""What a text says was measured, and the rule of the preset that measures it on every run of the tests."""


@pytest.mark.parametrize("name", PRESETS)
def test_what_a_preset_says_was_measured_is_what_its_rules_demand(name):
    rules = {rule.what: rule for rule in RULES[name]}
    for pattern, what in SAID[name].items():
        rule, said = rules[what], re.search(pattern, PRESETS[name].outcome)
        assert said, pattern
        percent = "%" in rule.form
        assert rule.low <= float(said[1]) / (100 if percent else 1) <= rule.high, (pattern, said[1])


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
