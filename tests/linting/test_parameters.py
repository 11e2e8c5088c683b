"""Rules on gamma, beta and eps of every kind of normalization, and on weights that are tied."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.linting.clean import clean, lint, modules


@pytest.mark.parametrize("norm", [nn.LayerNorm(16, 10.0), nn.RMSNorm(16, 10.0), nn.GroupNorm(2, 16, 10.0)], ids=str)
def test_eps_of_every_kind(norm):
    model = clean()
    model[1][1] = norm
    assert modules("eps-dominates", model) == ["1.1"]
    norm.eps = 1e-5
    assert lint(model) == []


def test_tables_tied_on_purpose_are_no_finding():
    embed, head = nn.Embedding(10, 8), nn.Linear(8, 10, bias=False)
    head.weight = embed.weight
    tokens = torch.randint(0, 10, (32,))
    assert lint(nn.Sequential(embed, head), (tokens, tokens)) == []


@pytest.mark.parametrize("norm", [nn.BatchNorm1d, nn.LayerNorm, nn.RMSNorm, lambda c: nn.GroupNorm(2, c)])
def test_weight_decay(norm):
    model = clean()
    model[1][1] = norm(16)
    rest = [each for name, each in model.named_parameters() if not name.startswith("1.1.")]
    own = [*model[1][1].parameters()]
    rule = "weight-decay-on-normalization"
    for decay, told in ((0.0, []), (0.01, ["1.1"])):
        groups = [{"params": rest, "weight_decay": 0.0}, {"params": own, "weight_decay": decay}]
        assert modules(rule, model, optimizer=torch.optim.AdamW(groups)) == told
    assert modules(rule, model, optimizer=torch.optim.SGD(model.parameters(), 0.1)) == []
    assert modules(rule, model, optimizer=torch.optim.SGD(rest, 0.1, weight_decay=0.1)) == ["0.1", "2.1", "3.1"]
