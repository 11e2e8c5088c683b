"""Slow motion of a run: it explains the frame's own step, and leaves no trace."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bnviz.config import Arm, RunConfig
from bnviz.training import Trainer
from bnviz.training.slow import SlowMotion

ARMS = (Arm("none"), Arm("batch", noise=True), Arm("layer"), Arm("weight"))
SMALL = RunConfig(dataset="spiral", depth=3, width=8, batch_size=32, steps=40, measure_every=4, arms=ARMS)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_looking_changes_no_bit(optimizer):
    def trained(looking):
        trainer = Trainer(RunConfig.from_dict({"optimizer": optimizer, "learning_rate": "0.05"}, SMALL))
        slow = SlowMotion(trainer)
        for step in range(24):
            trainer.step(measure=step % 4 == 0)
            for arm in trainer.arms if looking else ():
                slow.close_up(arm, step % 4, step % 8)
            if looking:
                slow.plane()
        return [value.clone() for net in trainer.models.values() for value in net.state_dict().values()]

    before = torch.get_rng_state()
    for one, two in zip(trained(False), trained(True), strict=True):
        assert torch.equal(one, two)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_closeup_is_of_the_step_of_the_frames():
    trainer = Trainer(SMALL)
    slow = SlowMotion(trainer)
    assert slow.close_up("none", 0, 0) is None  # no step yet
    for _ in range(5):
        frames = trainer.step(measure=True)
    for frame in frames:
        for layer in range(4):
            found = slow.close_up(frame.arm, layer, 1)
            assert (found.step, found.arm, found.layer) == (frame.step, frame.arm, layer)
            assert (found.ics_l2, found.ics_cosine) == (frame.ics_l2[layer], frame.ics_cosine[layer])
            assert found.loss == frame.train_loss
            assert found.norms[0] == pytest.approx(frame.grad_norm[layer], rel=1e-5)
    trainer.step()
    assert slow.close_up("none", 0, 0) is None  # that step was not measured


def test_a_closeup_tells_the_rate_of_its_step_whatever_was_changed_since():
    trainer = Trainer(SMALL)
    slow = SlowMotion(trainer)
    trainer.change("layer", learning_rate=0.3)
    trainer.step(measure=True)
    trainer.change("layer", learning_rate=0.7)
    trainer.change(learning_rate=0.9)
    assert slow.close_up("layer", 0, 0).rate == 0.3
    assert slow.close_up("none", 0, 0).rate == SMALL.learning_rate
    trainer.step(measure=True)
    assert (slow.close_up("layer", 0, 0).rate, slow.close_up("none", 0, 0).rate) == (0.7, 0.9)


def test_an_arm_that_is_still_to_grow_shows_the_layers_it_has():
    arm = Arm("batch", trick="pretrain")
    trainer = Trainer(RunConfig(depth=6, width=8, steps=100, arms=(arm,)))
    (frame,) = trainer.step(measure=True)
    slow = SlowMotion(trainer)
    for asked, shown in ((0, 0), (1, 1), (4, 1), (6, 6)):
        found = slow.close_up(frame.arm, asked, 0)
        assert found.layer == shown
        assert found.ics_l2 == frame.ics_l2[shown]


def test_the_plane_is_that_of_the_nets_before_the_update_in_eval_mode():
    trainer = Trainer(SMALL)
    slow = SlowMotion(trainer)
    for _ in range(30):
        trainer.step()
    nets = {label: [value.clone() for value in net.state_dict().values()] for label, net in trainer.models.items()}
    trainer.step(measure=True)
    plane = slow.plane()
    assert plane.step == 30
    for label, surface in zip(trainer.models, plane.surfaces, strict=True):
        net = trainer.probes[label].before
        for mine, theirs in zip(net.state_dict().values(), nets[label], strict=True):
            assert torch.equal(mine, theirs)
        for row, column in ((0, 0), (3, 17), (47, 47)):
            at = torch.tensor([[plane.xs[column], plane.ys[row]]], dtype=torch.float32)
            with torch.no_grad():
                expected = float(net(at).softmax(1)[0, 1])
            assert surface.probability[row, column] == pytest.approx(expected, abs=1e-5)
        assert surface.grid.shape == (3, 169, 2)
        assert surface.points.shape == (3, 200, 2)


def test_a_layers_picture_is_along_its_principal_directions_and_does_not_flip():
    trainer = Trainer(SMALL)
    slow = SlowMotion(trainer)
    last = None
    for _ in range(12):
        trainer.step(measure=True)
        plane = slow.plane()
        net = trainer.probes["none"].before
        xs = np.linspace(plane.xs[0], plane.xs[-1], 13)
        ys = np.linspace(plane.ys[0], plane.ys[-1], 13)
        h = torch.tensor([[x, y] for y in ys for x in xs], dtype=torch.float32)
        for layer, child in enumerate(list(net)[:-1]):
            h = child(h).detach()
            values = h.double().numpy() - h.double().numpy().mean(0)
            variances = np.sort(np.linalg.eigvalsh(values.T @ values))[::-1]
            surface = plane.surfaces[0]
            assert (surface.grid[layer] ** 2).sum() == pytest.approx(variances[:2].sum(), rel=1e-4)
            assert surface.share[layer] == pytest.approx(variances[:2].sum() / variances.sum(), rel=1e-4)
        if last is not None:
            for one, two in zip(last, plane.surfaces[0].grid, strict=True):
                assert (one * two).sum() > 0.5 * (two**2).sum()  # far from turned round: then it would be negative
        last = plane.surfaces[0].grid


def test_only_two_dimensional_sets_with_two_classes_have_a_plane():
    trainer = Trainer(RunConfig(depth=1, width=4))
    trainer.step(measure=True)
    assert SlowMotion(trainer).plane() is None
