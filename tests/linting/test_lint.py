from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

import bnviz
from bnviz.linting import RULES
from bnviz.models import make_cnn, make_mlp
from tests.watching.nets import NETS


def batch(n=64, features=16, classes=10):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, features, generator=generator)
    return x, torch.randint(0, classes, (n,), generator=generator)


def clean():
    torch.manual_seed(0)
    hidden = [
        nn.Sequential(nn.Linear(16, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.0)) for _ in range(4)
    ]
    return nn.Sequential(*hidden, nn.Dropout(0.1), nn.Linear(16, 10))


def with_bias(model):
    model[1][0] = nn.Linear(16, 16)


def normalized_output(model):
    model.append(nn.BatchNorm1d(10))


def early_dropout(model):
    model[1][3].p = 0.5


def left_in_eval_mode(model):
    model[2][1].eval()


def still(model):
    model[2][1].momentum = 0


def stale(model):
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.num_batches_tracked += 1
            module.running_var *= 1e-6


def dead(model):
    nn.init.constant_(model[1][1].bias, -100)


def flat(model):
    model[1][1].weight.data.fill_(200.0)
    model[1][2] = nn.Tanh()


CASES = {
    "bias-before-batchnorm": (with_bias, "1.0"),
    "batchnorm-on-output": (normalized_output, "6"),
    "dropout-before-batchnorm": (early_dropout, "2.1"),
    "statistics-frozen": (left_in_eval_mode, "2.1"),
    "statistics-stale": (stale, "0.1"),
    "dead-units": (dead, "1.2"),
    "saturated-units": (flat, "1.2"),
}


def test_a_clean_net_gets_a_clean_bill():
    assert bnviz.lint(clean(), batch()) == []


@pytest.mark.parametrize("rule", CASES)
def test_a_net_that_has_it_is_told_so_where_it_is(rule):
    model = clean()
    spoil, module = CASES[rule]
    with torch.no_grad():
        spoil(model)
    found = [each for each in bnviz.lint(model, batch()) if each.rule == rule]
    assert module in [each.module for each in found]
    assert all(each.evidence and each.why and each.advice for each in found)


def test_momentum_0_is_frozen_too():
    model = clean()
    still(model)
    assert [each.rule for each in bnviz.lint(model, batch())] == ["statistics-frozen"]


@pytest.mark.parametrize(("n", "severity"), [(2, "error"), (4, "warning"), (8, None)])
def test_small_batches(n, severity):
    found = [each.severity for each in bnviz.lint(clean(), batch(n)) if each.rule == "batch-too-small"]
    assert set(found) == ({severity} if severity else set())


def test_gradients_of_a_deep_sigmoid_net_vanish_and_of_large_weights_explode():
    torch.manual_seed(0)
    small = make_mlp(16, 16, 8, 10, "sigmoid")
    assert [each.rule for each in bnviz.lint(small, batch())] == ["vanishing-gradients"]
    large = make_mlp(16, 16, 8, 10, "identity")
    with torch.no_grad():
        for child in list(large)[1:]:
            for each in child.parameters():
                each.mul_(4.0)
    assert "exploding-gradients" in [each.rule for each in bnviz.lint(large, batch())]


def test_every_rule_has_a_net_that_has_it():
    assert set(RULES) == {*CASES, "batch-too-small", "vanishing-gradients", "exploding-gradients"}


@pytest.mark.parametrize("name", NETS)
def test_usual_nets_get_no_false_alarm(name):
    make, make_x = NETS[name]
    torch.manual_seed(0)
    found = bnviz.lint(make(), (make_x(), torch.randint(0, 10, (16,))))
    expected = {"mlp": {"bias-before-batchnorm"}, "resnet": {"dropout-before-batchnorm"}}
    assert {each.rule for each in found} == expected.get(name, set())  # these two are in the nets


@pytest.mark.parametrize("normalization", ["none", "batch", "layer"])
def test_our_own_nets_are_clean(normalization):
    torch.manual_seed(0)
    assert bnviz.lint(make_mlp(16, 32, 5, 10, "relu", normalization, "he"), batch()) == []
    images = torch.randn(16, 1, 8, 8), torch.randint(0, 10, (16,))
    assert bnviz.lint(make_cnn((1, 8, 8), 16, 4, 10, "relu", normalization, "he"), images) == []


def test_a_linted_model_is_as_it_was():
    model = clean()
    model[1].eval()
    before, modes = copy.deepcopy(model.state_dict()), [each.training for each in model.modules()]
    state = torch.get_rng_state()
    bnviz.lint(model, batch())
    assert all(torch.equal(a, b) for a, b in zip(before.values(), model.state_dict().values(), strict=True))
    assert [each.training for each in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)
    assert all(each.grad is None for each in model.parameters())
    assert not any(each._forward_hooks for each in model.modules())


@pytest.mark.parametrize(
    ("model", "sample", "told"),
    [
        ("net", batch(), "model must be a torch.nn.Module, got str"),
        (nn.ReLU(), batch(), "ReLU has no weight layer"),
        (clean(), batch()[0], "sample_batch must be a pair of tensors"),
    ],
)
def test_mistakes_are_said_in_a_sentence(model, sample, told):
    with pytest.raises(ValueError, match=told):
        bnviz.lint(model, sample)
