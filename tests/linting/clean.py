"""A clean net to spoil, and a batch for it."""

from __future__ import annotations

import torch
from torch import nn

import bnviz


def lint(model, sample=None, *loss, **given):
    return bnviz.lint(model, sample or batch(), *loss, **given)


def modules(rule, model, sample=None, **given):
    """Those that a rule names."""
    return [each.module for each in lint(model, sample, **given) if each.rule == rule]


def clean():
    """Four hidden layers with BatchNorm as it is meant to be."""
    torch.manual_seed(0)
    hidden = [
        nn.Sequential(nn.Linear(16, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.0)) for _ in range(4)
    ]
    return nn.Sequential(*hidden, nn.Dropout(0.1), nn.Linear(16, 10))


class Residual(nn.Module):
    """A residual branch that starts with `act`."""

    def __init__(self, act):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.act = nn.Linear(16, 16), act
        self.second, self.norm = nn.Linear(16, 16, bias=False), nn.BatchNorm1d(16)
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        x = self.first(x)
        return self.head(x + self.norm(self.second(self.act(x))))


def batch(n=64, features=16, classes=10):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, features, generator=generator)
    return x, torch.randint(0, classes, (n,), generator=generator)
