"""What is asked of batches: how many values, how far apart, and what an epoch ends with."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import bnviz
from bnviz.linting.sample import MOST, take
from bnviz.linting.spread import independent_values, over_batches
from tests.linting.clean import batch, clean, modules


@pytest.mark.parametrize(("n", "severity"), [(2, "error"), (4, "warning"), (8, None)])
def test_small_batches(n, severity):
    found = [each.severity for each in bnviz.lint(clean(), batch(n)) if each.rule == "batch-too-small"]
    assert set(found) == ({severity} if severity else set())


def test_one_value_a_channel_ends_the_pass():
    assert [(each.rule, each.module, each.severity) for each in bnviz.lint(clean(), batch(1))] == [
        ("batch-too-small", "0.1", "error")
    ]


def test_independent_values_of_dense_layers_are_samples_and_of_maps_what_their_positions_bring():
    torch.manual_seed(0)
    assert independent_values(torch.randn(16, 50)) == pytest.approx(16)
    plain = torch.randn(16, 50, 1, 1)
    assert independent_values(plain.expand(-1, -1, 6, 6)) == pytest.approx(16)
    assert independent_values(torch.randn(16, 50, 6, 6)) == pytest.approx(16 * 36, rel=0.3)
    batches = torch.randn(4000, 16, 8) + torch.randn(4000, 16, 1)  # positions share half of their variance
    by_definition = float(2 / batches.mean((1, 2)).var())
    measured = independent_values(torch.randn(16, 500, 8) + torch.randn(16, 500, 1))
    assert measured == pytest.approx(by_definition, rel=0.1)


def test_maps_whose_positions_are_alike_count_as_few():
    net = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))
    y = torch.randint(0, 10, (4,))
    torch.manual_seed(0)
    assert modules("batch-too-small", net, (torch.randn(4, 3, 6, 6), y)) == []
    assert modules("batch-too-small", net, (torch.randn(4, 3, 1, 1).expand(-1, -1, 6, 6), y)) == ["1"]


def loader(size, n=64, **given):
    x, y = batch(n)
    return DataLoader(TensorDataset(x, y), size, **given)


def test_the_spread_over_batches_is_that_of_a_plain_loop():
    torch.manual_seed(0)
    model, pairs = clean(), [(torch.randn(8, 16), torch.randint(0, 10, (8,))) for _ in range(12)]
    seen = [model[0][0](x).detach().double() for x, _ in pairs]
    means, variances = torch.stack([x.mean(0) for x in seen]), torch.stack([x.var(0, correction=0) for x in seen])
    spread = over_batches(model, take(pairs))["0.1"]
    assert spread.batches == 12
    assert spread.mean == pytest.approx(float((means.var(0) / variances.mean(0)).sqrt().median()), rel=1e-5)
    assert spread.variance == pytest.approx(float((variances.std(0) / variances.mean(0)).median()), rel=1e-5)
    few = [each for each in bnviz.lint(model, loader(4)) if each.rule == "batch-too-small"]
    assert "Measured over 16 batches" in few[0].evidence


def test_sorted_samples_are_told_from_shuffled_ones():
    order = batch(640)[0][:, 0].argsort()
    x, y = (each[order] for each in batch(640))
    data = TensorDataset(x + 3 * x[:, :1], y)
    torch.manual_seed(0)
    assert modules("batches-not-mixed", clean(), DataLoader(data, 32)) == ["0.1"]
    assert bnviz.lint(clean(), DataLoader(data, 32, shuffle=True)) == []


@pytest.mark.parametrize(
    ("n", "given", "severity"),
    [(65, {}, "error"), (65, {"drop_last": True}, None), (64, {}, None), (66, {}, None), (1025, {}, "error")],
)
def test_a_last_batch_of_one(n, given, severity):
    found = [each.severity for each in bnviz.lint(clean(), loader(16, n, **given)) if each.rule == "last-batch-of-one"]
    assert found == [severity] * bool(severity)


def test_a_last_batch_of_one_map_has_poor_statistics_but_runs():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))
    pairs = [(torch.randn(n, 3, 6, 6), torch.randint(0, 10, (n,))) for n in (16, 16, 1)]
    assert [each.severity for each in bnviz.lint(net, pairs) if each.rule == "last-batch-of-one"] == ["warning"]
    without = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))
    assert bnviz.lint(without, pairs) == []


def test_an_endless_iterable_is_not_exhausted():
    asked = []
    endless = (asked.append(step) or batch() for step in itertools.count())
    assert bnviz.lint(clean(), endless) == []
    assert len(asked) == MOST


def test_two_pairs_are_no_pair():
    assert take([batch(), batch()]).last == 64
    assert take(batch()).last is None
    assert take(list(batch())).n == 64


def test_several_inputs():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Bilinear(16, 16, 10)

        def forward(self, a, b):
            return self.first(a, b)

    x, y = batch()
    assert bnviz.lint(Two(), ((x, x), y)) == []
