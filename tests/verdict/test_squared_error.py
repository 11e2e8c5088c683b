"""Squared errors of classes: there is an accuracy, and no word of the ln C that a guess has under cross-entropy."""

from __future__ import annotations

import pytest

from bnviz import charts
from bnviz.charts import lines
from bnviz.charts.scene import View
from bnviz.serve.messages import scene_of
from bnviz.serve.run import Run
from tests.support.trained import run, text


@pytest.fixture(scope="module")
def trained():
    return run(loss="mean_squared_error", learning_rate=0.1, steps=200, depth=4)


def test_the_sentence_is_about_accuracy(trained):
    accuracies = [frame.test_accuracy for frame in trained.steps[-1]]
    assert accuracies[1] > accuracies[0] + 0.2
    assert "accuracy" in trained.say()
    said = trained.say() + " ".join(text(finding.spans) for finding in trained.found())
    assert "ln 10" not in said
    assert "chance" not in said
    assert "helps" in {kind for kind, _ in trained.kinds()}


def test_charts_show_an_accuracy_and_no_level_of_chance(trained):
    live = Run(trained.config, "somebody")
    for frames in trained.steps:
        live.take(frames)
    scene = scene_of(live, None)
    assert scene.classified
    told = [trace.get("hovertemplate", "") for trace in lines.loss(scene, View())["data"]]
    assert told
    assert not any("chance" in each for each in told)
    assert "accuracy" in {panel.id for panel in charts.panels(scene, View())}
