"""Rules on where normalization stands: what the functions are that take what it returns."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.linting.clean import Residual, batch, lint, modules


class Gated(nn.Module):
    """What goes into a gate, and what the gate does."""

    def __init__(self, gate, norm):
        super().__init__()
        self.one, self.other = nn.Linear(16, 16, bias=False), nn.Linear(16, 16)
        self.norm = nn.BatchNorm1d(16) if norm else nn.Identity()
        self.head, self.gate = nn.Linear(16, 10), gate

    def forward(self, x):
        return self.head(self.gate(self.norm(self.one(x)), self.other(x)))


@pytest.mark.parametrize(
    ("gate", "told"),
    [
        (lambda a, b: torch.sigmoid(a) * b, ["hint"]),
        (lambda a, b: b.mul(nn.Sigmoid()(a).view(-1, 16)), ["hint"]),
        (lambda a, b: F.softmax(a, 1) + b, ["warning"]),
        (lambda a, b: a * torch.sigmoid(a) + b, []),  # SiLU
        (lambda a, b: torch.sigmoid(a) + b, []),  # a hidden layer's activation
        (lambda a, b: 2 * torch.sigmoid(a) - 1, []),
    ],
)
def test_a_gate_multiplies_something_else(gate, told):
    torch.manual_seed(0)
    found = [each.severity for each in lint(Gated(gate, True)) if each.rule == "batchnorm-before-gate"]
    assert found == told
    assert modules("batchnorm-before-gate", Gated(gate, False)) == []


def test_a_sigmoid_that_is_the_output_is_no_hidden_activation():
    x = batch()[0]
    head = nn.Sequential(nn.Linear(16, 1, bias=False), nn.BatchNorm1d(1), nn.Sigmoid())
    found = lint(head, (x, torch.rand(64, 1)), nn.BCELoss())
    assert [(each.rule, each.module, each.severity) for each in found] == [("batchnorm-before-gate", "1", "warning")]


@pytest.mark.parametrize("drop", [nn.Dropout(0.5), lambda x: F.dropout(x, 0.5)])
def test_dropout_is_seen_as_a_module_and_as_a_function(drop):
    net = Residual(lambda x: drop(torch.relu(x)))
    (found,) = (each for each in lint(net) if each.rule == "dropout-before-batchnorm")
    assert (found.module, found.severity) == ("norm", "warning")
    assert modules("dropout-before-batchnorm", Residual(lambda x: F.dropout(x, 0.5, training=False))) == []


def test_the_variance_that_dropout_adds_is_measured():
    """Of centred values dropout at rate p makes the variance 1 / (1 - p) times what it was (Li et al. 2018)."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(16), nn.Linear(16, 10))
    (found,) = lint(model, (torch.randn(4096, 16), torch.randint(0, 10, (4096,))))
    assert float(found.evidence.split("is ")[1].split(" times")[0]) == pytest.approx(2, rel=0.05)


def test_in_place_is_told_where_it_changes_what_the_net_computes():
    """The same function out of place gives another output: the residual sum takes what was written over."""
    told = lint(Residual(nn.ReLU(inplace=True)))
    assert [(each.module, each.severity) for each in told if each.rule == "in-place-after"] == [("act", "error")]
    assert modules("in-place-after", Residual(nn.ReLU())) == []
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 16), nn.ReLU(inplace=True), nn.Linear(16, 10))
    assert modules("in-place-after", net) == []


def test_in_place_is_told_where_it_breaks_the_backward_pass():
    model = nn.Sequential(nn.Linear(16, 16), nn.Sigmoid(), nn.Dropout(0.5, inplace=True), nn.Linear(16, 10))
    (found,) = lint(model)
    assert (found.rule, found.module, found.severity) == ("in-place-after", "2", "error")
    model[2].inplace = False
    assert lint(model) == []
