"""What charts say in words, against numbers taken from the frames by hand; and the markers on their lines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bnviz.charts import TABS, View, figures, panels, told
from bnviz.charts.look import SIGNS
from bnviz.config import MAX_ARMS
from bnviz.frames import Event
from bnviz.verdict.wording import number, percent
from tests.charts.test_charts import decode, diverged, scene


@pytest.mark.parametrize("tab", [name for name in TABS if name != "findings"])
def test_every_chart_of_every_tab_says_something_with_numbers_of_every_network_it_draws(tab):
    there = scene(arms=3, landscape="0.5-4", activation="relu")
    said = told(there, View(tab=tab))
    assert list(said) == [panel.id for panel in panels(there, View(tab=tab))]
    for name, text in said.items():
        assert "110" in text, (name, text)  # the step drawn
        assert any(character.isdigit() for character in text.replace("110", "")), (name, text)
        kind, _, arm = name.rpartition("-")
        for place in [int(arm)] if kind in ("values", "density", "updates") and arm.isdigit() else range(3):
            assert list(there.titles.values())[place].lower() in text.lower(), (name, text)
    assert set(told(scene(steps=0), View(tab="layers")).values()) == {"Nothing is measured yet."}


def test_a_profile_tells_where_it_is_least_and_largest():
    there = scene(depth=5)
    norms = list(there.current[1].grad_norm)
    low, high = (norms.index(end(norms)) for end in (min, max))
    names = there.current[1].layers
    expected = f"BatchNorm: least {number(norms[low])} in {names[low]}, largest {number(norms[high])} in {names[high]}."
    assert expected in told(there, View())["gradient"]


def test_a_chart_over_steps_tells_the_start_and_the_step_drawn():
    there = scene()
    back = replace(there, current=there.steps[4])
    first, shown = there.steps[0][0], there.steps[4][0]
    said = told(back, View())
    text = f"training loss {number(first.train_loss)} at step 0, {number(shown.train_loss)} at step 40;"
    assert said["loss"].startswith(f"No normalization: {text}")
    assert f"test accuracy {percent(first.test_accuracy)} at step 0, {percent(shown.test_accuracy)} at step 40" \
        in said["accuracy"]  # fmt: skip
    assert "110" not in said["loss"]
    layer = told(back, View(layer=2))["gradient-steps"]
    assert f"layer 3, gradient norm {number(first.grad_norm[2])} at step 0" in layer


def test_a_distribution_tells_its_percentiles_or_moments():
    there = scene(depth=4)
    low, middle, high = there.current[0].preactivation_percentiles[2]
    text = f"layer 3: median {number(middle)}, seven in ten from {number(low)} to {number(high)}."
    assert text in told(there, View())["values-0"]
    frame = there.current[0]
    text = f"output: mean {number(frame.input_mean[4])}, standard deviation {number(frame.input_std[4])}."
    assert text in told(there, View(values="input"))["values-0"]


def test_who_diverged_is_said_to_have_and_what_came_before_is_still_told():
    there = scene(events=[Event(100, "diverged", "none")])
    last = (diverged(there.current[0]), there.current[1])
    said = told(replace(there, steps=[*there.steps[:-1], last], current=last), View())
    assert "No normalization: diverged at step 100." in said["values-0"]
    assert "No normalization: diverged at step 100." in said["gradient"]
    assert "at step 0" in said["loss"]
    assert "diverged at step 100. BatchNorm: training loss" in said["loss"]


def test_networks_have_markers_of_their_own_that_lie_on_their_lines_and_not_on_each_other():
    drawn = figures(scene(arms=MAX_ARMS, steps=60), View())["figures"]
    profile = [trace["marker"]["symbol"] for trace in drawn["gradient"]["data"]]
    assert profile == list(SIGNS)
    marked = [trace for trace in drawn["loss"]["data"] if trace["mode"] == "markers"]
    assert [trace["marker"]["symbol"] for trace in marked] == list(SIGNS)
    lines = [trace for trace in drawn["loss"]["data"] if "training loss" in trace.get("hovertemplate", "")]
    seen: set[float] = set()
    for line, signs in zip(lines, marked, strict=True):
        points = set(zip(decode(line["x"]).tolist(), decode(line["y"]).tolist(), strict=True))
        there = list(zip(decode(signs["x"]).tolist(), decode(signs["y"]).tolist(), strict=True))
        assert len(there) >= 4
        assert len(points & set(there)) >= len(there) // 2  # the others lie on the dotted line
        assert not seen & {x for x, _ in there}
        seen |= {x for x, _ in there}


def test_markers_stay_where_they_are_while_lines_grow():
    whole = scene(steps=60)
    positions = []
    for count in (55, 60):
        steps = whole.steps[:count]
        data = figures(replace(whole, steps=steps, current=steps[-1]), View())["figures"]["loss"]["data"]
        (first, _) = [decode(trace["x"]) for trace in data if trace["mode"] == "markers"]
        positions.append(set(first.tolist()))
    assert positions[0] <= positions[1]
    assert np.isfinite(list(positions[1])).all()
