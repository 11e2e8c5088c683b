from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import bnviz
from bnviz.watching import Watch
from tests.watching.nets import mlp


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"every": 0}, "every must be a whole number of steps from 1 on, got 0"),
        ({"budget": 2}, "budget must be a share of the training time"),
        ({"layers": "nothing*"}, "names no layer. Layers of this model: 0, 3, 5"),
        ({"optimizer": "sgd"}, "optimizer must be a torch.optim.Optimizer"),
        ({"model": nn.Sequential(nn.ReLU(), nn.BatchNorm1d(3))}, "Sequential has no weight layer"),
        ({"model": "mlp"}, "model must be a torch.nn.Module, got str"),
    ],
)
def test_mistakes_are_said_before_the_loop_starts(how, told):
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with pytest.raises(ValueError, match=told.replace("*", r"\*")):
        bnviz.watch(**({"model": model, "optimizer": optimizer, "loss_fn": nn.CrossEntropyLoss()} | how))
    assert not model._forward_hooks


@pytest.mark.parametrize(
    ("loss", "told"),
    [
        (lambda watch: F.cross_entropy, "wrap it: loss_fn = watch.loss"),
        (lambda watch: watch.loss(lambda out, y: F.cross_entropy(out, y, reduction="none")),
         "the loss must be one number, got a tensor of shape (16,)"),
        (lambda watch: lambda out, y: watch.loss(F.cross_entropy)(out * 2, y), "not taken of what the model returns"),
    ],
)  # fmt: skip
def test_a_loss_that_cannot_be_followed_costs_ics_alone(loss, told):
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with bnviz.watch(model, optimizer, F.cross_entropy, every=1) as watch:
        loss_fn = loss(watch)
        for _ in range(2):
            loss_fn(model(torch.randn(16, 8)), torch.randint(0, 10, (16,))).mean().backward()
            optimizer.step()
    assert sum(told in each for each in watch.problems) == 1
    assert len(watch.recording.frames) == 2
    assert np.isnan(watch.recording.frames[-1].ics_l2).all()
    assert np.isfinite(watch.recording.frames[-1].input_std).all()


def test_a_loop_that_never_calls_the_optimizer_is_told_so():
    model = mlp()
    with bnviz.watch(model, torch.optim.SGD(model.parameters(), 0.1), nn.CrossEntropyLoss()) as watch:
        model(torch.randn(16, 8))
    assert isinstance(watch, Watch)
    assert watch.problems == ["optimizer.step() was never called, so nothing was measured"]
