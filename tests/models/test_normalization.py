"""The exact laws of normalization, by their numbers in the design: float64, eps next to 0 where they are exact."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bnviz.config import NORMALIZATIONS
from bnviz.models import make_mlp, weight_layer
from bnviz.models.noise import UnitNoise, frozen_noise
from bnviz.models.normalization import normalization_layer
from bnviz.models.normalization.p_norm import PNormBatchNorm

torch.set_num_threads(1)
B, C = 16, 6


def module(name: str, channels: int = C, conv: bool = False, eps: float = 1e-300) -> nn.Module:
    found = normalization_layer(name, channels, conv=conv, groups=2)
    assert found is not None
    found.eps = eps  # type: ignore[assignment]
    return found.double()


def data(*shape: int) -> Tensor:
    torch.manual_seed(6)
    return 3 + 2 * torch.randn(*shape, dtype=torch.float64)


@pytest.mark.parametrize("conv", [False, True])
def test_law_1_mean_0_and_variance_s2_over_s2_plus_eps(conv: bool) -> None:
    x = data(B, C, 3, 3) if conv else data(B, C)
    dims = (0, 2, 3) if conv else (0,)
    y = module("batch", conv=conv, eps=0.1)(x)
    s2 = x.var(dims, correction=0)
    torch.testing.assert_close(y.mean(dims), torch.zeros(C).double(), atol=1e-12, rtol=0)
    torch.testing.assert_close(y.var(dims, correction=0), s2 / (s2 + 0.1))


def test_law_2_outliers_are_bounded() -> None:
    x = torch.zeros(B, 1).double()
    x[0] = 1e6
    assert float(module("batch", 1)(x).detach().abs().max()) == pytest.approx((B - 1) ** 0.5)
    assert float(module("batch")(data(B, C)).detach().abs().max()) <= (B - 1) ** 0.5


def test_laws_3_and_4_the_gradient_through_batchnorm() -> None:
    bn, y = module("batch"), data(B, C).requires_grad_()
    with torch.no_grad():
        bn.weight.copy_(data(C))  # type: ignore[operator]
    g = data(B, C).sin()
    (dy,) = torch.autograd.grad(bn(y), y, g)
    s2 = y.var(0, correction=0)
    xhat = (y - y.mean(0)) / s2.sqrt()
    torch.testing.assert_close(dy.sum(0), torch.zeros(C).double(), atol=1e-12, rtol=0)
    torch.testing.assert_close((dy * xhat).sum(0), torch.zeros(C).double(), atol=1e-12, rtol=0)
    inside = g.square().sum(0) - g.sum(0) ** 2 / B - (g * xhat).sum(0) ** 2 / B
    torch.testing.assert_close(dy.square().sum(0), bn.weight**2 / s2 * inside)  # type: ignore[operator]


@pytest.mark.parametrize("name", ["batch", "batch_l1", "batch_linf"])
def test_law_5_a_bias_before_batchnorm_has_no_gradient(name: str) -> None:
    linear = nn.Linear(4, C).double()
    module(name)(linear(data(B, 4))).sin().sum().backward()
    assert linear.bias.grad is not None
    assert float(linear.bias.grad.abs().max()) < 1e-12


@pytest.mark.parametrize("name", ["batch", "batch_l1", "batch_linf", "layer", "group", "rms"])
def test_law_6_the_scale_of_the_weights_does_not_matter(name: str) -> None:
    norm, x, W = module(name), data(B, 4).sin(), data(C, 4).cos()
    outputs, gradients = [], []
    for scale in (1.0, 7.0):
        V = (scale * W).requires_grad_()
        outputs.append(norm(F.linear(x, V)))
        gradients.append(torch.autograd.grad(outputs[-1].sin().sum(), V)[0])
    torch.testing.assert_close(outputs[0], outputs[1])
    torch.testing.assert_close(gradients[0], 7 * gradients[1])


@pytest.mark.parametrize("name", ["batch", "batch_l1", "batch_linf", "weight", "layer", "group", "rms"])
def test_law_7_weights_are_orthogonal_to_their_gradients(name: str) -> None:
    net = make_mlp(4, C, 1, 3, "tanh", name, groups=2).double()
    for each in net.modules():
        if hasattr(each, "eps"):
            each.eps = 1e-300
    layer = weight_layer(net[0])
    assert layer is not None
    net(data(B, 4)).sin().sum().backward()
    W = layer.parametrizations.weight.original1 if name == "weight" else layer.weight  # type: ignore[union-attr]
    along = (W * W.grad).sum(1).detach()  # type: ignore[operator]
    assert abs(float(along.sum())) < 1e-12
    per_unit = float(along.abs().max())
    assert per_unit < 1e-12 if name.startswith(("batch", "weight")) else per_unit > 1e-6


def test_law_8_gradient_descent_grows_the_weights() -> None:
    norm, W = module("batch"), data(C, 4).cos().requires_grad_()
    (g,) = torch.autograd.grad(norm(F.linear(data(B, 4), W)).sin().sum(), W)
    torch.testing.assert_close((W - 0.3 * g).square().sum(), W.square().sum() + 0.09 * g.square().sum())


def test_law_9_no_gradient_passes_batchnorm_of_two() -> None:
    x = data(2, C).requires_grad_()
    (g,) = torch.autograd.grad(module("batch")(x).sin().sum(), x)
    assert float(g.abs().max()) < 1e-12


def test_law_13_no_relu_is_dead_under_batchnorm() -> None:
    assert (module("batch")(data(B, C) - 100).relu() > 0).any(0).all()


def test_law_14_running_variance_is_unbiased() -> None:
    bn, x = module("batch"), data(B, C)
    bn(x)
    torch.testing.assert_close(bn.running_var, 0.9 + 0.1 * x.var(0, correction=1))  # type: ignore[arg-type]
    torch.testing.assert_close(bn.running_mean, 0.1 * x.mean(0))  # type: ignore[arg-type]


@pytest.mark.parametrize("conv", [False, True])
@pytest.mark.parametrize("name", ["batch_l1", "batch_linf"])
def test_p_norm_averages(name: str, conv: bool) -> None:
    norm = module(name, conv=conv)
    assert isinstance(norm, PNormBatchNorm)
    x = data(B, C, 3, 3) if conv else data(B, C)
    y = norm(x)
    for c in range(C):
        values = x[:, c].flatten()
        away = values - values.mean()
        scale = away.abs().mean() if name == "batch_l1" else away.abs().max()
        torch.testing.assert_close(y[:, c].flatten(), away / scale)
        assert float(norm.running_scale[c]) == pytest.approx(0.9 + 0.1 * float(scale.detach()))
    norm.momentum = 1.0
    norm(x)
    torch.testing.assert_close(norm.eval()(x), y)


def test_maps_are_normalized_per_sample_by_layer_and_rms() -> None:
    x = data(B, C, 3, 3)
    flat = x.flatten(1)
    for name in ("layer", "rms"):
        want = F.layer_norm(flat, flat.shape[1:], eps=0) if name == "layer" else F.rms_norm(flat, flat.shape[1:], eps=0)
        torch.testing.assert_close(module(name, conv=True)(x).flatten(1), want)  # type: ignore[arg-type]


def test_noise_follows_the_paper() -> None:
    noise = UnitNoise(2000, seed=1)
    scale, shift = noise.draw(200, noise.generator)
    mu, sigma = shift.mean(0), scale.mean(0)
    assert -0.52 < float(mu.min()) < -0.48
    assert 0.48 < float(mu.max()) < 0.52
    assert (shift - mu).abs().max() < 0.13
    assert float(sigma.min()) > 0.95
    assert float(sigma.max()) < 1.30
    assert float(sigma.mean()) == pytest.approx(1.125, abs=0.01)
    assert float((scale - sigma).std()) == pytest.approx(0.1, abs=0.005)


def test_noise_leaves_the_global_random_state_and_eval_mode_alone() -> None:
    noise, x = UnitNoise(C), data(B, C)
    random = torch.get_rng_state()
    first, second = noise(x), noise(x)
    assert torch.equal(torch.get_rng_state(), random)
    assert not torch.equal(first, second)
    with frozen_noise(nn.Sequential(noise)):
        assert torch.equal(noise(x), second)
    assert not torch.equal(noise(x), second)
    assert torch.equal(noise.eval()(x), x)


def test_a_copy_of_noise_goes_on_alike() -> None:
    noise, x = UnitNoise(C), data(B, C)
    noise(x)
    twin = copy.deepcopy(noise)
    assert torch.equal(noise(x), twin(x))
    assert torch.equal(noise(x), twin(x))


def test_every_name_is_known() -> None:
    for name in NORMALIZATIONS:
        assert (normalization_layer(name, 8) is None) == (name in ("none", "weight"))
    with pytest.raises(ValueError, match="Unknown normalization 'instance'"):
        normalization_layer("instance", 8)  # type: ignore[arg-type]
