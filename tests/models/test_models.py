from __future__ import annotations

import copy
from typing import get_args

import pytest
import torch
from torch import nn

from bnviz.config import NORMALIZATIONS, Activation, Init
from bnviz.models import make_cnn, make_mlp, pieces, set_normalization, weight_layer
from bnviz.models.noise import UnitNoise

torch.set_num_threads(1)


def mlp(
    normalization: str = "none", noise: bool = False, init: Init = "xavier", weight_scale: float = 1.0
) -> nn.Sequential:
    torch.manual_seed(5)
    return make_mlp(7, 16, 3, 5, "tanh", normalization, init, noise=noise, weight_scale=weight_scale)


def cnn(
    normalization: str = "none", noise: bool = False, init: Init = "xavier", weight_scale: float = 1.0
) -> nn.Sequential:
    torch.manual_seed(5)
    return make_cnn((3, 8, 8), 16, 3, 5, "tanh", normalization, init, noise=noise, weight_scale=weight_scale)


def layer(child: nn.Module) -> nn.Linear | nn.Conv2d:
    found = weight_layer(child)
    assert found is not None
    return found


@pytest.mark.parametrize("init", get_args(Init))
@pytest.mark.parametrize("make", [mlp, cnn])
def test_same_starting_weights(make, init: Init) -> None:  # type: ignore[no-untyped-def]
    plain = make("none", init=init)
    random = torch.get_rng_state()
    for normalization in NORMALIZATIONS:
        for noise in (False, True):
            model = make(normalization, noise, init)
            assert torch.equal(torch.get_rng_state(), random)
            for child, twin in zip(model, plain, strict=True):
                assert torch.equal(layer(child).weight, layer(twin).weight)
                bias = layer(child).bias
                assert bias is None or not bias.any()


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_one_child_per_layer(normalization: str) -> None:
    model = mlp(normalization, noise=True)
    assert len(model) == 4
    assert type(model[-1]) is nn.Linear
    assert tuple(pieces(model[-1])) == (model[-1], None, None)
    for child in model[:-1]:
        weight, norm, activation = pieces(child)
        assert isinstance(weight, nn.Linear)
        assert (norm is None) == (normalization in ("none", "weight"))
        assert isinstance(activation, nn.Tanh)
        assert (weight.bias is None) == NORMALIZATIONS[normalization].over_batch
        modules = list(child)  # type: ignore[arg-type]
        assert [modules.index(each) for each in (weight, activation)] == [0, len(modules) - 1]
        assert isinstance(modules[-2], UnitNoise)


def test_inits() -> None:
    stds = {"xavier": (2 / 500) ** 0.5, "he": (2 / 300) ** 0.5, "normal_0.01": 0.01, "orthogonal": 300**-0.5}
    for init in get_args(Init):
        weight = layer(make_mlp(300, 200, 1, 5, init=init)[0]).weight.detach()
        assert float(weight.std()) == pytest.approx(stds[init], rel=0.02)
    torch.testing.assert_close(weight @ weight.T, torch.eye(200), atol=1e-5, rtol=0)


@pytest.mark.parametrize("make", [mlp, cnn])
def test_a_scale_is_a_factor_on_all_weights(make) -> None:  # type: ignore[no-untyped-def]
    for init in get_args(Init):
        plain, scaled = (make(init=init, weight_scale=scale).parameters() for scale in (1.0, 3.0))
        for one, other in zip(plain, scaled, strict=True):
            assert torch.equal(3 * one, other)


@pytest.mark.parametrize(
    ("size", "depth", "pooled"), [(8, 8, [3, 7]), (28, 3, [0, 1, 2]), (32, 8, [1, 3, 5, 7]), (2, 2, [])]
)
def test_maps_are_pooled_evenly_down_to_2x2(size: int, depth: int, pooled: list[int]) -> None:
    model = make_cnn((1, size, size), 4, depth, 5)
    found = [i for i, child in enumerate(model) if any(isinstance(each, nn.MaxPool2d) for each in child.modules())]
    assert found == pooled
    assert min(model[:-1](torch.zeros(2, 1, size, size)).shape[2:]) >= 2
    assert model(torch.zeros(2, 1, size, size)).shape == (2, 5)


@pytest.mark.parametrize("activation", get_args(Activation))
def test_activations(activation: Activation) -> None:
    assert make_mlp(3, 4, 2, 5, activation)(torch.randn(6, 3)).isfinite().all()


@pytest.mark.parametrize("make", [mlp, cnn])
@pytest.mark.parametrize("start", NORMALIZATIONS)
def test_set_normalization_keeps_the_weights(make, start: str) -> None:  # type: ignore[no-untyped-def]
    x = torch.randn(6, 7) if make is mlp else torch.randn(6, 3, 8, 8)
    for goal in NORMALIZATIONS:
        model = make(start)
        weights = [layer(child).weight for child in model]
        assert set_normalization(model, goal, noise=True) is model
        for child, weight in zip(model, weights, strict=True):
            if "weight" not in (start, goal):
                assert layer(child).weight is weight
            torch.testing.assert_close(layer(child).weight, weight)
        fresh = make(goal, noise=True)
        assert str(model) == str(fresh)
        assert [n for n, _ in model.named_parameters()] == [n for n, _ in fresh.named_parameters()]
        torch.testing.assert_close(model(x), fresh(x))


def test_set_normalization_follows_dtype_and_mode() -> None:
    model = set_normalization(mlp("none").double().eval(), "batch")
    assert all(parameter.dtype == torch.float64 for parameter in model.parameters())
    assert not any(module.training for module in model.modules())


def test_a_net_without_biases_stays_without() -> None:
    model = make_mlp(3, 4, 2, 5, normalization="batch", bias=False)
    assert all(layer(child).bias is None for child in set_normalization(model, "none"))


def test_removing_weight_norm_leaves_copies_whole() -> None:
    model = mlp("weight")
    twin = copy.deepcopy(model)
    x = torch.randn(4, 7)
    want = twin(x)
    set_normalization(model, "none")
    torch.testing.assert_close(twin(x), want)
    torch.testing.assert_close(model(x), want)


def test_errors_name_what_is_allowed() -> None:
    with pytest.raises(ValueError, match=r"activation 'step'.*sigmoid"):
        make_mlp(3, 4, 2, 5, "step")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"init 'ones'.*xavier"):
        make_mlp(3, 4, 2, 5, init="ones")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"normalization 'instance'.*batch"):
        make_mlp(3, 4, 2, 5, normalization="instance")  # type: ignore[arg-type]
    model = make_mlp(3, 4, 2, 5)
    shown = str(model)
    with pytest.raises(ValueError, match="groups must divide the 4 channels, got 3"):
        set_normalization(model, "group", groups=3)
    assert str(model) == shown
