"""Rules on gradients, and on units that pass none."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import median

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from bnviz.models import make_mlp
from tests.linting.clean import Residual, batch, lint, modules


def test_gradients_of_a_deep_sigmoid_net_vanish_and_of_large_weights_explode():
    torch.manual_seed(0)
    found = lint(make_mlp(16, 16, 8, 10, "sigmoid"))
    assert [each.rule for each in found] == ["vanishing-gradients"]
    large = make_mlp(16, 16, 8, 10, "identity")
    assert modules("exploding-gradients", large) == modules("vanishing-gradients", large) == []
    with torch.no_grad():
        for child in list(large)[1:]:
            for each in child.parameters():
                each.mul_(4.0)
    assert modules("exploding-gradients", large) == [
        next(n for n, each in large.named_modules() if isinstance(each, nn.Linear))
    ]


def test_the_rate_told_is_that_of_a_plain_backward_pass():
    torch.manual_seed(0)
    model, (x, y) = make_mlp(16, 16, 8, 10, "sigmoid"), batch()
    (found,) = lint(model)
    made = []
    for module in (each for each in model.modules() if not list(each.children())):
        x = module(x)
        made += [x] * isinstance(module, nn.Linear)
    norms = [float(each.norm()) for each in torch.autograd.grad(F.cross_entropy(x, y), made)]
    falls = [high / low for low, high in pairwise(norms)]
    rate = min(median(falls), math.prod(falls) ** (1 / len(falls)))
    assert float(found.evidence.split("fall ")[1].split("x")[0]) == pytest.approx(rate, rel=0.05)
    assert f"{norms[0]:.2g} behind this one" in found.evidence


def test_a_loss_that_is_no_number_is_told():
    model = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 10))
    found = lint(model, loss_fn=lambda output, y: (output - 1e9).log().mean())
    assert [(each.rule, each.severity) for each in found] == [("exploding-gradients", "error")]


def test_functions_have_dead_and_saturated_units_too():
    torch.manual_seed(0)
    for function, inner, rule in ((torch.relu, lambda x: x - 1e3, "dead-units"),
                                  (torch.tanh, lambda x: 100 * x, "saturated-units")):  # fmt: skip
        assert modules(rule, nn.Sequential(Residual(lambda x, f=function, g=inner: f(g(x))))) == ["0"]
        assert modules(rule, nn.Sequential(Residual(function))) == []
    assert modules("dead-units", nn.Sequential(Residual(lambda x: F.relu(x)), nn.Linear(10, 10))) == []


def test_a_unit_is_dead_over_batch_and_positions_wherever_its_dimension_is():
    torch.manual_seed(0)
    for layer, x in ((nn.Linear(8, 6), torch.randn(16, 5, 8)), (nn.Conv1d(8, 6, 1), torch.randn(16, 8, 5))):
        model = nn.Sequential(layer, nn.ReLU(), nn.Flatten(), nn.Linear(30, 10))
        y = torch.randint(0, 10, (16,))
        assert modules("dead-units", model, (x, y)) == []
        with torch.no_grad():
            layer.bias.fill_(-100)
        (found,) = (each for each in lint(model, (x, y)) if each.rule == "dead-units")
        assert "6 of 6" in found.evidence
