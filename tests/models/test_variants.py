from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from bnviz.models import make_mlp, set_normalization
from bnviz.models.anatomy import anatomy, observed
from bnviz.models.variants import kinds_of, variant
from tests.watching.nets import NETS, ResNet, made


class Plain(nn.Module):
    """Functional activations, a residual sum, a gate, and a layer used twice; no normalization."""

    def __init__(self):
        super().__init__()
        self.first, self.inner, self.outer = nn.Linear(8, 6), nn.Linear(6, 6), nn.Linear(6, 6)
        self.gate, self.twice, self.out = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x):
        h = torch.tanh(self.first(x))
        h = F.relu(h + self.outer(F.relu(self.inner(h), inplace=True)))
        h = h * torch.sigmoid(self.gate(h))
        return self.out(F.silu(self.twice(F.silu(self.twice(h)))))


def runs(x):
    return lambda model: model(x)


def batchnorm(z):
    """By its definition."""
    return (z - z.mean(0)) / torch.sqrt(z.var(0, unbiased=False) + 1e-5)


def test_batchnorm_goes_between_layers_and_activations_and_nowhere_else():
    torch.manual_seed(0)
    net, x = Plain(), torch.randn(16, 8)
    made = variant(net, "batch", runs(x))
    assert made.changes == (
        "first: BatchNorm inserted after it.",
        "inner: BatchNorm inserted after it.",
        "outer: BatchNorm inserted after it.",
    )
    assert made.left == (
        "gate: its output gates another, and is left as it is.",
        "twice: it is used 2 times, and one BatchNorm would mix the statistics.",
    )
    h = torch.tanh(batchnorm(net.first(x)))
    h = F.relu(h + batchnorm(net.outer(F.relu(batchnorm(net.inner(h))))))
    h = h * torch.sigmoid(net.gate(h))
    torch.testing.assert_close(made.model(x), net.out(F.silu(net.twice(F.silu(net.twice(h))))))


def test_weights_names_and_the_net_that_was_given_stay():
    torch.manual_seed(0)
    net, x = Plain(), torch.randn(16, 8)
    before = copy.deepcopy(net.state_dict())
    made = variant(net, "layer", runs(x)).model
    theirs = made.state_dict()
    assert all(torch.equal(theirs[name], value) for name, value in before.items())
    assert [name for name in theirs if name not in before][:2] == [
        "first.normalization.weight",
        "first.normalization.bias",
    ]
    assert isinstance(made.first, nn.Linear)
    assert type(net.first) is nn.Linear
    assert net.state_dict().keys() == before.keys()
    again = pickle.loads(pickle.dumps(made))
    assert torch.equal(again(x), made(x))
    copied = copy.deepcopy(made)
    assert copied.first.normalization is not made.first.normalization


def test_our_own_nets_come_out_as_we_make_them():
    for activation in ("sigmoid", "relu", "gelu"):
        torch.manual_seed(0)
        net, x = make_mlp(5, 8, 3, 2, activation), torch.randn(32, 5)
        for kind in ("batch", "layer", "rms", "group", "batch_l1", "weight", "none"):
            expected = set_normalization(copy.deepcopy(net), kind, groups=8)
            torch.testing.assert_close(variant(net, kind, runs(x)).model(x), expected(x), msg=f"{activation}, {kind}")


def test_normalization_is_replaced_where_it_is():
    torch.manual_seed(0)
    net, x = ResNet(), torch.randn(16, 1, 6, 6)
    nn.init.zeros_(net.blocks[1].bn2.weight)
    made = variant(net, "layer", runs(x))
    assert made.changes[0] == "blocks.0.bn1: BatchNorm2d → LayerNorm."
    assert len(made.changes) == 4
    assert not made.left
    assert isinstance(made.model.blocks[1].bn2, nn.GroupNorm)
    assert not made.model.blocks[1].bn2.weight.any(), "a gamma of 0 was meant"
    assert kinds_of(net) == ("batch",)
    assert kinds_of(made.model) == ("layer",)
    assert variant(net, "batch", runs(x)).changes == ()


def test_without_its_normalization_a_layer_has_a_bias():
    torch.manual_seed(0)
    net, x = ResNet(), torch.randn(16, 1, 6, 6)
    made = variant(net, "none", runs(x))
    assert made.changes[0] == "blocks.0.bn1: BatchNorm2d removed; a bias of 0 in blocks.0.conv1."
    assert kinds_of(made.model) == ()
    assert made.model.blocks[0].conv1.bias.shape == (6,)
    made.model.eval(), net.eval()
    for block in net.blocks:
        block.bn1, block.bn2 = nn.Identity(), nn.Identity()
    assert torch.equal(made.model(x), net(x))


@pytest.mark.parametrize("kind", ["batch", "rms", "group", "none"])
def test_a_transformer_s_tokens(kind):
    torch.manual_seed(0)
    net, (_, make_x) = NETS["transformer"][0](), NETS["transformer"]
    x = make_x()
    made = variant(net, kind, runs(x))
    assert len(made.changes) == 2
    assert not made.left
    if kind == "batch":
        z = torch.randn(16, 5, 8)
        flat = batchnorm(z.reshape(-1, 8)).reshape(z.shape)
        torch.testing.assert_close(made.model.block.norm1(z), flat)
    model = made.model.eval()
    with torch.no_grad():  # torch would take its shortcut here, which knows LayerNorm alone
        quick = model(x)["logits"]
    torch.testing.assert_close(quick, model(x)["logits"])


def test_maps_of_one_two_and_three_dimensions():
    for dims, conv in ((1, nn.Conv1d), (2, nn.Conv2d), (3, nn.Conv3d), (2, nn.ConvTranspose2d)):
        torch.manual_seed(0)
        net = nn.Sequential(conv(2, 6, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))
        x = torch.randn(4, 2, *[5] * dims)
        net(x)
        made = variant(net, "batch", runs(x))
        assert made.changes == ("0: BatchNorm inserted after it.",)
        z = net[0](x)
        moments = {"dim": (0, *range(2, z.dim())), "keepdim": True}
        expected = (z - z.mean(**moments)) / torch.sqrt(z.var(**moments, unbiased=False) + 1e-5)
        torch.testing.assert_close(made.model[0](x), expected)


@pytest.mark.parametrize("name", sorted(NETS))
@pytest.mark.parametrize("kind", ["as is", "none", "batch", "layer", "group", "rms", "weight", "batch_l1"])
def test_every_net_trains_as_every_variant(name, kind):
    net, make_x = made(name)
    x = make_x()
    state, random = copy.deepcopy(net.state_dict()), torch.get_rng_state()
    found = variant(net, kind, runs(x))
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())
    output = found.model(x)
    sum(each.sum() for each in (output.values() if isinstance(output, dict) else [output])).backward()
    executed: list[str] = []
    with observed(found.model, lambda name, args, output: executed.append(name)):
        found.model(x)
    layers = anatomy(found.model, executed).layers
    with observed(net, lambda name, args, output: executed.append(name)):
        executed.clear()
        net(x)
    assert [layer.name for layer in layers] == [layer.name for layer in anatomy(net, executed).layers]


def test_what_is_no_kind_is_said():
    with pytest.raises(ValueError, match=r"A variant is 'as is' or one of none, batch, layer, .* got 'bn'"):
        variant(nn.Linear(2, 2), "bn", runs(torch.ones(2, 2)))


def test_a_normalization_that_two_modules_hold_is_replaced_in_both():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.bn1 = nn.BatchNorm1d(4)
            self.body = nn.Sequential(nn.Linear(4, 4), self.bn1, nn.ReLU())

        def forward(self, x):
            return self.body(x)

    made = variant(Twice(), "none", runs(torch.randn(8, 4)))
    assert kinds_of(made.model) == ()


def test_maps_in_a_class_of_layernorm_s_are_normalized_by_channel():
    class LayerNorm2d(nn.LayerNorm):
        def forward(self, x):
            return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    for size, changes in ((6, 1), (4, 0)):
        net = nn.Sequential(nn.Conv2d(1, 4, 3), LayerNorm2d(4), nn.ReLU())
        made = variant(net, "batch", runs(torch.randn(8, 1, size + 2, size + 2)))
        assert len(made.changes) == changes
        assert [len(made.left), made.changes and type(made.model[1])] == [1 - changes, made.changes and nn.BatchNorm2d]
