"""Each rule: a net that has it, and one as like it as can be that does not."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import bnviz
from bnviz.linting import RULES
from bnviz.models import make_mlp
from tests.linting.nets import Basic, Residual, batch, clean


def lint(model, sample=None, *loss, **given):
    return bnviz.lint(model, sample or batch(), *loss, **given)


def modules(rule, model, sample=None, **given):
    return [each.module for each in lint(model, sample, **given) if each.rule == rule]


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
    assert modules("exploding-gradients", large) == [next(n for n, each in large.named_modules() if isinstance(each, nn.Linear))]


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


@pytest.mark.parametrize(
    ("momentum", "severity"), [(0, "warning"), (None, "hint"), (0.1, None), (0.01, None)], ids=str
)
def test_momentum(momentum, severity):
    model = clean()
    model[2][1].momentum = momentum
    assert [(each.rule, each.severity) for each in lint(model)] == [("statistics-frozen", severity)] * bool(severity)


def test_without_running_statistics_eval_mode_uses_the_batch():
    model = clean()
    model[2][1] = nn.BatchNorm1d(16, track_running_stats=False)
    assert [(each.rule, each.module) for each in lint(model)] == [("statistics-frozen", "2.1")]


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


def test_a_residual_branch_may_start_at_0():
    torch.manual_seed(0)
    block = Basic(3, 3)
    net = nn.Sequential(block, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 10))
    sample = torch.randn(16, 3, 8, 8), torch.randint(0, 10, (16,))
    for zero in (block.bn2.weight, block.conv2.weight):
        with torch.no_grad():
            zero.zero_()
        assert not modules("gamma-near-zero", net, sample)
        assert not modules("zero-weights", net, sample)
    model = clean()
    with torch.no_grad():
        without_scale(model)  # a chain has no way around
    assert modules("gamma-near-zero", model) == ["1.1"]


@pytest.mark.parametrize(
    ("groups", "severity"), [(16, "error"), (8, "warning"), (4, None), (1, None)]
)
def test_groups_of_a_vector(groups, severity):
    model = clean()
    model[1][1] = nn.GroupNorm(groups, 16)
    assert [each.severity for each in lint(model) if each.rule == "group-count"] == [severity] * bool(severity)


def test_a_group_for_each_channel_of_a_map_is_instance_norm():
    images = torch.randn(16, 3, 8, 8), torch.randint(0, 10, (16,))
    for groups, told in ((8, ["hint"]), (4, []), (1, [])):
        net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(groups, 8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))
        assert [each.severity for each in lint(net, images)] == told


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
