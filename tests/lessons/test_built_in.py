"""The lessons that come with bnviz: run through as a visitor would, each question is answered as the papers say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bnviz.config.change import Restart, difference
from bnviz.frames import Frame
from bnviz.lessons import ORDER, Lesson, built_in
from bnviz.lessons.kinds import KINDS
from bnviz.lessons.progress import SKIPPED, Progress, restored
from bnviz.training import Trainer
from bnviz.verdict.state import read

pytestmark = pytest.mark.long

PLAIN, BN, BOTH, NONE = "Without normalization", "With BatchNorm", "Both", "None clearly"
ANSWERS = {
    "vanishing": (BN, "The first layer", PLAIN, "Yes"),
    "shift": (BN, BN),
    "explosion": (BN, BN),
    "tiny-batches": ("With LayerNorm", BN, "Yes"),
    "good-start": (NONE, "Neither", BN),
    "high-rate": (PLAIN, NONE),
    "landscape": (BN, BN),
    "before": (BOTH, BN),
}
"""What Ioffe & Szegedy 2015, Santurkar et al. 2018, Yang et al. 2019 and the presets' own rules lead one to expect."""
MEASURED = 4
"""Frames are costly: so many a question are enough here."""


class Visit:
    """A visitor's run, changed or started anew as the page does."""

    def __init__(self) -> None:
        self.trainer: Trainer | None = None
        self.steps: list[tuple[Frame, ...]] = []

    def come_to(self, config) -> None:
        config = replace(config, measure_every=max(config.measure_every, config.steps // MEASURED))
        changes = Restart(()) if self.trainer is None else difference(self.trainer.config, config)
        if isinstance(changes, Restart):
            self.trainer, self.steps, self.labels = Trainer(config), [], config.labels
            changes = ()
        for change in changes:
            self.trainer.change(None if change.arm is None else self.labels[change.arm], **change.fields)
        while not self.trainer.finished:
            frames = self.trainer.step(measure=self.trainer.due)
            self.steps += [frames] if frames else []

    def states(self):
        return read(self.started_with, self.steps, self.trainer.events)

    @property
    def started_with(self):
        config = self.trainer.config
        return config if config.labels == self.labels else replace(config, arms=self.arms)


@pytest.mark.parametrize("name", ORDER)
def test_every_question_of_a_lesson_is_answered_by_its_run(name):
    lesson, visit, answers = built_in()[name], Visit(), []
    for step in lesson.steps:
        if step.question is None:
            continue
        visit.arms = lesson.config.arms
        visit.come_to(step.config)
        found = step.question.answer(visit.states())
        assert found.option is not None, "".join(span.text for span in found.why)
        answers.append(step.question.options(step.config)[found.option].text)
    assert tuple(answers) == ANSWERS[name]


def test_each_kind_but_one_is_asked_in_some_lesson():
    asked = {step.question.kind for each in built_in().values() for step in each.steps if step.question}
    assert set(KINDS) - asked == {"lags"}


def walk(lesson: Lesson) -> list[Progress]:
    """All places on the way through a lesson, predicting the first option each time."""
    here, places = Progress(lesson), []
    while True:
        places.append(here)
        if here.ended:
            return places
        here = here.saying(0) if here.open else here.moved(1)


@pytest.mark.parametrize("name", ORDER)
def test_the_link_alone_restores_every_place_of_a_lesson(name):
    places = walk(built_in()[name])
    assert len(places) == len(built_in()[name].steps) + built_in()[name].questions
    for here in places:
        assert restored(here.lesson, here.to_dict()) == here
    assert places[0].waits
    assert not any(place.waits for place in places[1:])


def test_settings_of_a_step_hold_once_its_question_has_a_prediction():
    lesson = built_in()["vanishing"]
    here = replace(Progress(lesson), at=3)
    assert here.config == lesson.steps[2].config != lesson.steps[3].config
    assert here.saying(1).config == lesson.steps[3].config
    assert here.moved(1).said == {3: SKIPPED}
    assert here.moved(1).moved(1).at == 4
    assert here.moved(-9).at == 0


def test_a_first_prediction_counts_and_no_other():
    here = Progress(built_in()["vanishing"]).saying(1)
    assert here.saying(0) == here
    assert Progress(built_in()["vanishing"]).saying(4) == Progress(built_in()["vanishing"])


@pytest.mark.parametrize(
    "link",
    [
        {"at": "99"},
        {"at": "0"},
        {"at": "-1"},
        {"at": "²"},
        {"at": "9" * 50},
        {"said": "9z1z"},
        {"said": "1i99a"},
        {"said": "-"},
    ],
)
def test_a_link_that_is_wrong_leads_to_some_place_of_the_lesson(link):
    here = restored(built_in()["shift"], link)
    assert 0 <= here.at < 3
    assert here.said == {}
