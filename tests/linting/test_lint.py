from __future__ import annotations

import copy
import math
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import bnviz
from bnviz.models import make_cnn, make_mlp
from tests.linting.clean import batch, clean, lint
from tests.linting.nets import NETS
from tests.watching.nets import NETS as WATCHED


def test_a_clean_net_gets_a_clean_bill():
    assert lint(clean()) == []


@pytest.mark.parametrize("name", NETS)
def test_usual_nets_get_a_clean_bill(name):
    make, sample = NETS[name]
    torch.manual_seed(0)
    assert bnviz.lint(make(), sample(16)) == []


@pytest.mark.parametrize("name", WATCHED)
def test_what_is_in_a_net_is_found_and_no_more(name):
    make, make_x = WATCHED[name]
    torch.manual_seed(0)
    found = bnviz.lint(make(), (make_x(), torch.randint(0, 10, (16,))))
    expected = {"mlp": {"bias-before-batchnorm"}, "resnet": {"dropout-before-batchnorm"}}
    assert {each.rule for each in found} == expected.get(name, set())


@pytest.mark.parametrize("normalization", ["none", "batch", "layer"])
def test_our_own_nets_are_clean(normalization):
    torch.manual_seed(0)
    assert lint(make_mlp(16, 32, 5, 10, "relu", normalization, "he")) == []
    images = torch.randn(16, 1, 8, 8), torch.randint(0, 10, (16,))
    assert lint(make_cnn((1, 8, 8), 16, 4, 10, "relu", normalization, "he"), images) == []


class Everything(nn.Module):
    """A net with all that could leave a trace: buffers, modes, hooks, gradients, randomness of three kinds."""

    def __init__(self):
        super().__init__()
        self.net = clean()
        self.net[1].eval()
        self.calls = 0
        spectral = nn.utils.parametrizations.spectral_norm(nn.Linear(16, 16, bias=False))
        self.inner = nn.Sequential(spectral, nn.Dropout(0.3), nn.ReLU(inplace=True))

    def forward(self, x):
        x += random.random() + np.random.rand()
        return self.net(self.inner(x))


def state(model, x):
    held = [*model.state_dict().values(), *(each.grad for each in model.parameters()), x, torch.get_rng_state()]
    hooks = [len(each._forward_hooks) + len(each._forward_pre_hooks) for each in model.modules()]
    modes = [(each.training, each.training and id(each)) for each in model.modules()]
    return copy.deepcopy(held), hooks, modes, random.getstate(), str(np.random.get_state())


def test_a_linted_model_is_as_it_was():
    model, (x, y) = Everything(), batch()
    calls = []
    model.net[2].register_forward_hook(lambda *_: calls.append(1))
    model.net[0][0].register_full_backward_hook(lambda *_: calls.append(2))
    nn.functional.cross_entropy(model(x.clone()), y).backward()
    calls.clear()
    tensors, *rest = state(model, x)
    loader = DataLoader(TensorDataset(x, y), 16, shuffle=True)
    for sample in ((x, y), loader):
        bnviz.lint(model, sample, optimizer=torch.optim.SGD(model.parameters(), 0.1))
        after, *others = state(model, x)
        assert all(torch.equal(a, b) for a, b in zip(tensors, after, strict=True))
        assert rest == others
    assert not calls, "somebody's hooks are called for somebody's passes alone"


def test_a_watched_model_can_be_linted(tmp_path):
    model, (x, y) = clean(), batch()
    optimizer, loss_fn = torch.optim.SGD(model.parameters(), 0.1), nn.CrossEntropyLoss()
    with bnviz.watch(model, optimizer, loss_fn, every=1, out=tmp_path / "run.arrow") as watch:
        for _ in range(2):
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()
            bnviz.lint(model, (x, y), loss_fn)
    assert [frame.step for frame in watch.recording.frames] == [0, 1]


class Raises(nn.Linear):
    def forward(self, x):
        return super().forward(x.reshape(len(x), 4, 4))


def nan():
    x, y = batch()
    x[3, 2] = math.nan
    return x, y


@pytest.mark.parametrize(
    ("model", "sample", "given", "told"),
    [
        ("net", batch(), {}, "model must be a torch.nn.Module, got str"),
        (nn.ReLU(), batch(), {}, "ReLU has no weight layer"),
        (nn.LazyLinear(3), batch(), {}, "weight of LazyLinear has no shape yet"),
        (clean(), batch()[0], {}, "sample_batch must be a pair of tensors, .* got Tensor"),
        (clean(), 3, {}, "sample_batch must be a pair of tensors, .* got int"),
        (clean(), [], {}, "sample_batch gave no batch"),
        (clean(), [batch()[0]] * 3, {}, "it gave Tensor"),
        (clean(), (batch()[0][:0], batch()[1][:0]), {}, r"The batch is empty: x has shape \(0, 16\)"),
        (clean(), nan(), {}, "x must be finite: 1 of its 1024 values are NaN or infinite"),
        (clean(), (batch()[0], batch()[1] + 1), {}, "y holds class 10, but the model gives 10 outputs"),
        (clean(), (batch()[0], batch()[1] - 1), {}, "y holds class -1, but the model gives 10 outputs"),
        (clean(), (batch()[0], batch()[1][:5]), {}, r"do not match: shapes \(64, 10\) and \(5,\)"),
        (clean(), (batch()[0], torch.rand(64, 3)), {}, r"do not match: shapes \(64, 10\) and \(64, 3\)"),
        (clean(), (batch(features=7)[0], batch()[1]), {}, r"could not run on x of shape \(64, 7\): RuntimeError"),
        (Raises(5, 2), batch(), {}, "Raises could not run"),
        (clean(), batch(), {"loss_fn": nn.CrossEntropyLoss(reduction="none")}, r"one number, got a tensor .*\(64,\)"),
        (clean(), batch(), {"loss_fn": lambda output, y: 3.0}, "The loss must be a tensor of one number, got float"),
        (clean(), batch(), {"loss_fn": lambda output, y: output.no}, "The loss could not be computed .*AttributeError"),
        (clean(), batch(), {"loss_fn": lambda output, y: y.float().mean()}, "depends on no parameter"),
        (clean(), batch(), {"optimizer": torch.optim.SGD(clean().parameters(), 1)}, "The optimizer is of another"),
        (clean(), batch(), {"optimizer": 0.1}, "optimizer must be a torch.optim.Optimizer, got float"),
    ],
)
def test_mistakes_are_said_in_a_sentence(model, sample, given, told):
    with pytest.raises(ValueError, match=told) as raised:
        bnviz.lint(model, sample, **given)
    assert str(raised.value).endswith(".")
    assert "\n" not in str(raised.value)
