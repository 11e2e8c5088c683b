from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch

from bnviz.config import Arm, RunConfig
from bnviz.frames import Event
from bnviz.training import Trainer

SMALL = RunConfig(depth=3, width=16, batch_size=64, steps=60, measure_every=20)


@pytest.mark.parametrize(("kind", "statistic"), [("batch", "running_mean"), ("batch_linf", "running_scale")])
def test_the_momentum_of_running_statistics_changes_at_once(kind, statistic):
    trainer = Trainer(replace(SMALL, arms=(Arm("none"), Arm(kind))))
    for _ in range(3):
        trainer.step()
    assert trainer.change(bn_momentum=1.0) == trainer.events[-1] == Event(3, "change", None, {"bn_momentum": "1.0"})
    trainer.change(arm="none", normalization=kind)  # one that comes later
    with_weights = [copy.deepcopy(model) for model in trainer.models.values()]
    trainer.step()
    for model, before in zip(trainer.models.values(), with_weights, strict=True):
        values = before[0][0](trainer.batch.x)
        mean = values.mean(0)
        expected = mean if statistic == "running_mean" else (values - mean).abs().amax(0)
        torch.testing.assert_close(getattr(model[0][1], statistic), expected)
    trainer.change(bn_momentum=0.0)
    kept = getattr(trainer.models["none"][0][1], statistic).clone()
    trainer.step()
    assert torch.equal(kept, getattr(trainer.models["none"][0][1], statistic))


def test_optimizer_state_survives_a_change_of_normalization():
    trainer = Trainer(replace(SMALL, optimizer="adam", learning_rate=0.01))
    for _ in range(5):
        trainer.step()
    running = trainer._arms["none"]
    weight = running.model[1][0].weight
    moments = running._optimizer.state[weight]["exp_avg"].clone()
    trainer.change(arm="none", normalization="batch")
    assert torch.equal(running._optimizer.state[weight]["exp_avg"], moments)
    trainer.step()


@pytest.mark.parametrize("normalization", ["batch", "weight"])
def test_a_change_of_normalization_goes_on_with_momentum(normalization):
    trainer = Trainer(replace(SMALL, optimizer="momentum", learning_rate=0.01))
    for step in range(3):
        if step == 2:
            trainer.change(arm="none", normalization=normalization)
            before = {name: p.detach().clone() for name, p in trainer.models["none"].named_parameters()}
        trainer.step()
    gamma = "0.1.weight" if normalization == "batch" else "0.0.parametrizations.weight.original0"
    moved = trainer.models["none"].get_parameter(gamma)
    torch.testing.assert_close(moved.detach(), before[gamma] - 0.01 * moved.grad)  # new: no momentum yet
