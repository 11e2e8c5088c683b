"""Each rule: a net that has it, and one as like it as can be that does not."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from bnviz.linting import RULES
from tests.linting.clean import batch, clean, lint, modules
from tests.linting.nets import Basic


def biased(model):
    model[1][0] = nn.Linear(16, 16)


def biased_beside_frozen(model):
    biased(model)
    model[1][1].eval()  # it takes nothing away


def normalized_output(model):
    model.append(nn.BatchNorm1d(10))


def hidden_is_last_declared(model):
    model.insert(0, nn.BatchNorm1d(16))


def early_dropout(model):
    model[1][3].p = 0.5


def no_dropout(model):
    model[1][3].p = 0.0


def softmax_after(model):
    model.extend([nn.BatchNorm1d(10), nn.Softmax(1)])


def softmax_after_weights(model):
    model.append(nn.Softmax(1))


def left_in_eval_mode(model):
    model[2][1].eval()


def wholly_in_eval_mode(model):
    model.eval()


def stale(model):
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.num_batches_tracked += 1
            module.running_mean, module.running_var = torch.zeros(16), torch.full((16,), 0.3)
    model[2][1].running_var *= 1e-6


def followed(model):
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.momentum = 0.5
    for _ in range(20):
        model.train()(batch()[0])


def dead(model):
    nn.init.constant_(model[1][1].bias, -100)


def half_dead(model):
    model[1][1].bias[:8] = -100


def flat(model):
    model[1][1].weight.fill_(200.0)
    model[1][2] = nn.Tanh()


def not_flat(model):
    model[1][2] = nn.Tanh()


def shut(model):
    model[1][1].weight[:8] = 1e-5


def nearly_open(model):
    model[1][1].weight[:2] = 1e-5


def without_scale(model):
    model[1][1].weight.zero_()


def wide_eps(model):
    model[1][1].eps = 10.0


def noticeable_eps(model):
    model[1][1].eps = 0.01


def zeroed(model):
    model[2][0].weight.zero_()


def zeroed_head(model):
    model[-1].weight.zero_()


def tied(model):
    model[2][0].weight = model[1][0].weight


def alias(model):
    model[1].again = model[2][0]
    model[1].forward = lambda x: model[1][:3](x)


def reused(model):
    model[2][1] = model[1][1]
    model[2][0].weight.mul_(10)


def ungrouped(model):
    model[1][1] = nn.GroupNorm(16, 16)


def grouped(model):
    model[1][1] = nn.GroupNorm(4, 16)


CASES = {
    "bias-before-batchnorm": (biased, "1.0", biased_beside_frozen),
    "batchnorm-on-output": (normalized_output, "6", hidden_is_last_declared),
    "dropout-before-batchnorm": (early_dropout, "2.1", no_dropout),
    "batchnorm-before-gate": (softmax_after, "6", softmax_after_weights),
    "statistics-frozen": (left_in_eval_mode, "2.1", wholly_in_eval_mode),
    "statistics-stale": (stale, "2.1", followed),
    "dead-units": (dead, "1.2", half_dead),
    "saturated-units": (flat, "1.2", not_flat),
    "gamma-near-zero": (shut, "1.1", nearly_open),
    "eps-dominates": (wide_eps, "1.1", noticeable_eps),
    "zero-weights": (zeroed, "2.0", zeroed_head),
    "tied-weights": (tied, "2.0", alias),
    "batchnorm-used-twice": (reused, "1.1", no_dropout),
    "group-count": (ungrouped, "1.1", grouped),
}


@pytest.mark.parametrize("rule", CASES)
def test_a_net_that_has_it_is_told_so_where_it_is(rule):
    spoil, module, _ = CASES[rule]
    model = clean()
    with torch.no_grad():
        spoil(model)
    found = [each for each in lint(model) if each.rule == rule]
    assert [each.module for each in found][:1] == [module]
    assert all(each.evidence and each.why and each.advice for each in found)


@pytest.mark.parametrize("rule", CASES)
def test_a_net_that_comes_close_is_not(rule):
    model = clean()
    with torch.no_grad():
        CASES[rule][2](model)
    assert modules(rule, model) == []


def test_every_rule_is_tested_here():
    source = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert [rule for rule in RULES if f'"{rule}"' not in source] == []


@pytest.mark.parametrize(("momentum", "severity"), [(0, "warning"), (None, "hint"), (0.1, None), (0.01, None)], ids=str)
def test_momentum(momentum, severity):
    model = clean()
    model[2][1].momentum = momentum
    assert [(each.rule, each.severity) for each in lint(model)] == [("statistics-frozen", severity)] * bool(severity)


def test_without_running_statistics_eval_mode_uses_the_batch():
    model = clean()
    model[2][1] = nn.BatchNorm1d(16, track_running_stats=False)
    assert [(each.rule, each.module) for each in lint(model)] == [("statistics-frozen", "2.1")]


def test_a_residual_branch_may_start_at_0():
    torch.manual_seed(0)
    block = Basic(3, 3)
    net = nn.Sequential(block, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 10))
    sample = torch.randn(16, 3, 8, 8), torch.randint(0, 10, (16,))
    for zero in (block.bn2.weight, block.conv2.weight):
        was = zero.detach().clone()
        with torch.no_grad():
            zero.zero_()
            assert not modules("gamma-near-zero", net, sample)
            assert not modules("zero-weights", net, sample)
            zero.copy_(was)
    model = clean()
    with torch.no_grad():
        without_scale(model)  # a chain has no way around
    assert modules("gamma-near-zero", model) == ["1.1"]


@pytest.mark.parametrize(("groups", "severity"), [(16, "error"), (8, "warning"), (4, None), (1, None)])
def test_groups_of_a_vector(groups, severity):
    model = clean()
    model[1][1] = nn.GroupNorm(groups, 16)
    assert [each.severity for each in lint(model) if each.rule == "group-count"] == [severity] * bool(severity)


def test_a_group_for_each_channel_of_a_map_is_instance_norm():
    images = torch.randn(16, 3, 8, 8), torch.randint(0, 10, (16,))
    for groups, told in ((8, ["hint"]), (4, []), (1, [])):
        net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(groups, 8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))
        assert [each.severity for each in lint(net, images)] == told
