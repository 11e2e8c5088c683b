from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from bnviz.config import Arm, RunConfig
from bnviz.frames import Event, quantities
from bnviz.lineup import current_config, lineup
from bnviz.training import OwnNets, Trainer, record
from bnviz.training.replay import Journey, place_after, replayed, with_fork, without_last_change
from bnviz.training.steering import steer

SMALL = RunConfig(depth=3, width=12, steps=60, optimizer="momentum", learning_rate=0.1)


def state_of(trainer):
    """All that training goes on from, but batches and what the optimizer remembers, which the next steps show."""
    return {
        (label, name): value for label, learner in trainer.learners.items() for name, value in _tensors(learner).items()
    }


def _tensors(learner):
    nets = [learner.net, *(learner.heads.values() if learner.heads else ())]
    return {(place, name): value for place, net in enumerate(nets) for name, value in net.state_dict().items()}


def assert_same(one, two):
    one, two = state_of(one), state_of(two)
    assert one.keys() == two.keys()
    assert all(torch.equal(value, two[name]) for name, value in one.items())


def steered(config, doings, steps, nets=None, measure=True):
    """A run with something done before some steps; measured as the page measures, or not at all."""
    trainer, items = Trainer(config, nets=nets), []
    for step in range(steps):
        for act in doings.get(step, ()):
            act(trainer)
        items += trainer.items(measure=measure and trainer.due)
    return trainer, items


DOINGS = {
    7: (lambda t: t.change("none", normalization="batch", noise=True),),
    12: (lambda t: t.change(learning_rate=0.05, measure_every=4), lambda t: t.fork("none", learning_rate=0.3)),
    20: (lambda t: t.rename("batch", "the one"), lambda t: t.change("batch", normalization="layer")),
    31: (lambda t: t.drop("none"), lambda t: t.fork("batch", normalization="weight")),
    33: (lambda t: t.change(steps=200),),
}


@pytest.mark.parametrize("step", [0, 7, 13, 31, 45])
def test_a_replayed_run_is_equal_bit_by_bit_and_goes_on_alike(step):
    original, _ = steered(SMALL, DOINGS, 45)
    there, _ = steered(SMALL, DOINGS, step)
    for act in DOINGS.get(step, ()):
        act(there)
    again = replayed(SMALL, original.events, step)
    assert_same(there, again)
    assert again.config == there.config
    assert again.events == there.events
    for trainer in (there, again):
        for _ in range(5):
            trainer.step()
    assert_same(there, again)


def test_growth_and_auxiliary_losses_replay():
    config = replace(SMALL, depth=4, arms=(Arm("none", trick="pretrain"), Arm("batch", trick="auxiliary")))
    doings = {
        5: (lambda t: t.fork("none+pretrain", learning_rate=0.2),),
        30: (lambda t: t.change("none+pretrain", normalization="batch"),),
    }
    original, _ = steered(config, doings, 40)
    again = replayed(config, original.events, 40)
    assert [event.kind for event in again.events] == ["fork", "grow", "grow", "change"]
    assert again.events == original.events
    assert_same(original, again)


class Dropping(nn.Module):
    """Somebody's net that draws from torch's random state."""

    def __init__(self, in_features, out_features):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(in_features, 10), nn.ReLU(), nn.Dropout(0.4), nn.Linear(10, out_features))

    def forward(self, x):
        return self.body(x)


def test_somebodys_net_with_dropout_replays_beside_other_arms():
    config = RunConfig(model="own", dataset="iris", arms=(Arm("as_is"), Arm("batch")), steps=40, learning_rate=0.1)
    nets = OwnNets(Dropping, config)
    doings = {10: (lambda t: t.change("as_is", normalization="layer"),)}
    original, _ = steered(config, doings, 30, nets)
    script = with_fork(original, 0, 4, "batch", {"learning_rate": 0.3})
    torch.rand(5)  # whatever else has drawn
    again = replayed(config, script, 30, nets)
    for label in ("as_is", "batch"):
        one, two = original.models[label].state_dict(), again.models[label].state_dict()
        assert all(torch.equal(value, two[name]) for name, value in one.items())


def frames_of(items):
    return [frame for item in items if not isinstance(item, Event) for frame in item]


SHARED = ("hist", "range", "clipped")
"""What of a distribution depends on the other arms of a step: the range of its bins, which all of them share."""


def assert_equal_frames(ones, twos):
    assert [(frame.step, frame.arm) for frame in ones] == [(frame.step, frame.arm) for frame in twos]
    for one, two in zip(ones, twos, strict=True):
        for q in quantities(len(one.layers)):
            if not q.name.endswith(SHARED):
                np.testing.assert_array_equal(getattr(one, q.name), getattr(two, q.name))


def test_a_fork_in_the_past_leaves_the_other_arms_frames_as_they_were():
    original, items = steered(SMALL, DOINGS, 50)
    script = with_fork(original, place_after(original.events, 10), 10, "batch", {"normalization": "none"})
    journey = Journey(original, script, 10)
    while not journey.arrived:
        journey.advance()
        assert journey.back == (journey.trainer.step_count > 10)
    told = list(journey.items())
    assert (told[0].kind, told[0].step) == ("rewind", 10)
    events = [item for item in told[1:] if isinstance(item, Event)]
    assert events == journey.trainer.events
    assert [event for event in events if event.changes.get("label") != "none (2)"] == original.events
    frames = frames_of(told)
    assert frames[0].step == 10
    before = [frame for frame in frames_of(items) if frame.step >= 10]
    last = [frame for frame in frames if frame.step == 49]  # where the run is; it is measured however
    assert len(last) == len(journey.trainer.arms)
    assert_equal_frames(before, [f for f in frames if f.arm != "none (2)" and f not in last])
    own = [frame for frame in frames if frame.arm == "none (2)"]
    assert [frame.step for frame in own] == sorted({frame.step for frame in frames})
    assert journey.trainer.config == current_config(SMALL, events)
    # The fork itself is what a fork at that moment would have been.
    there, _ = steered(SMALL, {**DOINGS, 10: (lambda t: t.fork("batch", "none (2)", 2, normalization="none"),)}, 11)
    there = replayed(SMALL, there.events, 11)
    assert torch.equal(
        next(there.models["none (2)"].parameters()),
        next(replayed(SMALL, script, 11).models["none (2)"].parameters()),
    )


def test_a_fork_is_refused_beforehand_where_six_networks_were_there_in_between():
    doings = {
        20: (lambda t: [t.fork("batch") for _ in range(4)],),
        35: (lambda t: [t.drop(label) for label in list(t.arms)[2:]],),
    }
    original, _ = steered(SMALL, doings, 50)
    for at in (10, 20, 34):
        with pytest.raises(ValueError, match="6 networks at most, and had them up to step 35: fork from there on"):
            steer(original, "fork", {"arm": "none", "fields": {"normalization": "layer"}, "at": at})
    journey = steer(original, "fork", {"arm": "none", "fields": {"normalization": "layer"}, "at": 35})
    while not journey.arrived:
        journey.advance()
    assert list(journey.trainer.arms) == ["none", "batch", "layer"]


def test_a_fork_shares_its_colour_with_no_arm_that_was_beside_it_at_any_time():
    doings = {10: (lambda t: t.fork("none"), lambda t: t.fork("none")), 15: (lambda t: t.drop("none (2)"),)}
    original, _ = steered(SMALL, doings, 20)
    before, after = (with_fork(original, place_after(original.events, at), at, "batch", {}) for at in (5, 15))
    assert [event.changes["place"] for event in before if event.kind == "fork"] == ["4", "2", "3"]
    assert [event.changes["place"] for event in after if event.kind == "fork"] == ["2", "3", "2"]
    for _ in range(2):  # one after another, in the two colours that are left; then none is
        original.drop(original.fork("none", place=4))
        original.drop(original.fork("none", place=5))
    with pytest.raises(ValueError, match="Since step 5 there were networks in all 6 colours: fork from a later step"):
        with_fork(original, 0, 5, "batch", {})


def test_colours_stay_with_their_arms_and_labels_are_never_given_twice():
    trainer = Trainer(SMALL)
    second = trainer.fork("batch")
    trainer.drop("batch")
    third = trainer.fork("none", normalization="batch")
    assert (second, third) == ("batch (2)", "batch (3)")
    members = lineup(SMALL, trainer.events)
    assert {label: member.place for label, member in members.items()} == {"none": 0, "batch (3)": 1, "batch (2)": 2}
    frames = trainer.step(measure=True)
    assert [frame.arm for frame in frames] == list(members)
    assert trainer.config.arms == tuple(member.arm for member in members.values())


def test_the_last_change_is_undone_by_a_copy_from_just_before_it():
    doings = {
        8: (lambda t: t.change("none", normalization="batch"), lambda t: t.change("none", normalization="layer")),
    }
    original, _ = steered(SMALL, doings, 20)
    script, step = without_last_change(original, "batch")
    assert step == 8
    again = replayed(SMALL, script, 20)
    copy = next(label for label in again.arms if label not in original.arms)
    undisturbed, _ = steered(SMALL, {8: doings[8][:1]}, 20)
    for name, value in undisturbed.models["none"].state_dict().items():
        assert torch.equal(value, again.models[copy].state_dict()[name])
    with pytest.raises(ValueError, match=f"undone already: {copy.replace('(', '.').replace(')', '.')} goes on"):
        without_last_change(again, "none")


def test_undoing_a_fork_drops_it_and_then_undoes_what_was_changed_before():
    trainer, _ = steered(SMALL, {8: (lambda t: t.change("none", normalization="batch"),)}, 10)
    label = trainer.fork("none", normalization="layer")
    assert steer(trainer, "undo", {"arm": "batch"}) is None
    assert label not in trainer.arms
    journey = steer(trainer, "undo", {"arm": "batch"})
    assert journey.step == 8


def test_a_change_of_all_is_undone_in_the_chosen_arm_if_it_can_be():
    original, _ = steered(SMALL, {8: (lambda t: t.change(learning_rate=0.02),)}, 20)
    script, _ = without_last_change(original, "batch")
    again = replayed(SMALL, script, 20)
    plain, _ = steered(SMALL, {}, 20)
    for name, value in plain.models["batch"].state_dict().items():
        assert torch.equal(value, again.models["batch@0.1"].state_dict()[name])
    original.change(bn_momentum=0.3)
    with pytest.raises(ValueError, match=r"\(bn_momentum\) is one that all networks of a run share"):
        without_last_change(original, "batch")


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda t: [t.fork("none") for _ in range(5)], "6 networks at most"),
        (lambda t: [t.drop("none"), t.drop("batch")], "batch is the only network left"),
        (lambda t: t.drop("nobody"), "Unknown arm 'nobody'"),
        (lambda t: t.rename("none", "<b>"), "A name has up to 40 characters"),
        (lambda t: t.rename("none", "a\u200bb"), "characters that can be seen"),  # no recording takes it
        (lambda t: steer(t, "fork", {"arm": "none", "at": -1}), "a step from 0 on, got -1"),
        (lambda t: without_last_change(t, "none"), "nothing to undo"),
        (lambda t: with_fork(t, 0, 5, "later", {}), "At step 5 there was no network 'later'; there were none, batch"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(act, words):
    trainer = Trainer(SMALL)
    with pytest.raises(ValueError, match=words):
        act(trainer)
    trainer.step(measure=True)


def test_divergence_is_found_again_at_its_step():
    config = RunConfig(activation="relu", init="he", learning_rate=1.0, steps=60, measure_every=25)
    original = Trainer(config)
    list(record(original))
    assert original.events
    assert replayed(config, original.events, 60).events == original.events
