from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import get_args

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bnviz import ics
from bnviz.config import NORMALIZATIONS, Activation
from bnviz.ics import internal_covariate_shift
from bnviz.models import make_cnn, make_mlp
from bnviz.models.noise import UnitNoise
from tests.support.reference import Loss, prefix_shared_gradients, shifted_gradients, updated, weight_of

torch.set_num_threads(1)


def mlp_data(samples: int = 12) -> tuple[Tensor, Tensor]:
    return torch.randn(samples, 7, dtype=torch.float64), torch.randint(0, 5, (samples,))


def map_data() -> tuple[Tensor, Tensor]:
    return torch.randn(6, 2, 8, 8, dtype=torch.float64), torch.randint(0, 5, (6,))


def assert_by_definition(before: nn.Sequential, after: nn.Sequential, x: Tensor, y: Tensor, loss_fn: Loss) -> None:
    shift = internal_covariate_shift(before, after, x, y, loss_fn)
    pairs = shifted_gradients(before, after, x, y, loss_fn)
    for i, (G, shifted) in enumerate(pairs):
        l2 = float((G - shifted).norm())
        assert shift.l2[i] == pytest.approx(l2, rel=1e-10, abs=1e-10)
        if float(G.norm()) > 1e-6:
            assert shift.relative[i] == pytest.approx(l2 / float(G.norm()), rel=1e-8, abs=1e-8)
            assert shift.cosine[i] == pytest.approx(float(F.cosine_similarity(G.flatten(), shifted.flatten(), 0)))
    assert (shift.l2[0], shift.relative[0], shift.cosine[0]) == (0, 0, 1)
    assert len(shift.l2) == len(pairs)
    assert shift.l2.dtype == shift.relative.dtype == shift.cosine.dtype == np.float64


@pytest.mark.parametrize("activation", get_args(Activation))
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_mlp_agrees_with_the_definition(normalization: str, activation: Activation) -> None:
    torch.manual_seed(1)
    for depth, bias, noise in ((1, True, False), (4, True, False), (4, False, True)):
        model = make_mlp(7, 8, depth, 5, activation, normalization, bias=bias, noise=noise, groups=2).double()
        x, y = mlp_data()
        assert_by_definition(model, updated(model, x, y), x, y, F.cross_entropy)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("stack_bytes", [1, 2**20])
def test_cnn_agrees_with_the_definition(normalization: str, stack_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ics.stacked, "STACK_BYTES", stack_bytes)
    torch.manual_seed(2)
    for bias, noise in ((True, False), (False, True)):
        model = make_cnn((2, 8, 8), 8, 3, 5, "tanh", normalization, bias=bias, noise=noise, groups=2).double()
        x, y = map_data()
        assert_by_definition(model, updated(model, x, y), x, y, F.cross_entropy)


def summed_squares(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction - F.one_hot(target, 5)).square().sum()


@pytest.mark.parametrize(
    "loss_fn",
    [nn.CrossEntropyLoss(reduction="sum"), nn.CrossEntropyLoss(weight=torch.rand(5).double()), summed_squares],
)
@pytest.mark.parametrize("stack_bytes", [1, 2 * 8 * 8 * 12, 2**20])
def test_any_loss_and_any_size_of_stack(loss_fn: Loss, stack_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ics.stacked, "STACK_BYTES", stack_bytes)
    model = make_mlp(7, 8, 5, 5, "relu", "batch").double()
    x, y = mlp_data()
    assert_by_definition(model, updated(model, x, y, 0.01, loss_fn), x, y, loss_fn)


class Residual(nn.Module):
    """A block that no stack knows."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(width, width), nn.BatchNorm1d(width)

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.relu(self.norm(self.linear(x)))


def odd_models() -> Iterator[nn.Sequential]:
    flat = [nn.Linear(7, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Linear(8, 8), nn.Dropout(0.5), nn.Tanh()]
    yield nn.Sequential(*flat, nn.Linear(8, 5))
    yield nn.Sequential(nn.BatchNorm1d(7), nn.Flatten(), *flat, nn.Linear(8, 5))
    yield nn.Sequential(nn.Linear(7, 8), Residual(8), Residual(8), UnitNoise(8), nn.Linear(8, 5))
    yield nn.Sequential(nn.ReLU(inplace=True), nn.Linear(7, 8), nn.PReLU(), nn.Linear(8, 5))
    before_weight = [nn.Sequential(nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 8)) for _ in range(2)]
    yield nn.Sequential(nn.Linear(7, 8), *before_weight, nn.Linear(8, 5))


@pytest.mark.parametrize("number", range(5))
def test_any_children(number: int) -> None:
    torch.manual_seed(3)
    model = list(odd_models())[number].double()
    x, y = mlp_data()
    kept = x.clone()
    after = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in after.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    assert_by_definition(model, after, x, y, F.cross_entropy)
    assert torch.equal(x, kept)


def test_several_weights_in_one_child() -> None:
    nested = nn.Sequential(
        nn.Sequential(nn.Linear(7, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 8)), nn.Linear(8, 5)
    )
    model = nested.double()
    x, y = mlp_data()
    after = updated(model, x, y)
    flat_before, flat_after = (nn.Sequential(*net[0], net[1]) for net in (model, after))  # type: ignore[misc]
    want = internal_covariate_shift(flat_before, flat_after, x, y, F.cross_entropy)
    assert_same(internal_covariate_shift(model, after, x, y, F.cross_entropy), want)
    assert_same(ics.compare(ics._by_prefix(model, after, x, y, F.cross_entropy)), want)


def assert_same(shift: ics.Shift, other: ics.Shift) -> None:
    for name in ("l2", "relative", "cosine"):
        np.testing.assert_allclose(getattr(shift, name), getattr(other, name), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_prefix_shared_equals_stacked(normalization: str) -> None:
    model = make_mlp(7, 8, 4, 5, "gelu", normalization, noise=True, groups=2).double()
    x, y = mlp_data()
    after = updated(model, x, y)
    want = internal_covariate_shift(model, after, x, y, F.cross_entropy)
    assert_same(ics.compare(ics._by_prefix(model, after, x, y, F.cross_entropy)), want)
    if normalization != "weight":
        known = [weight_of(child).grad for child in after]
        assert_same(internal_covariate_shift(model, after, x, y, F.cross_entropy, gradients=known), want)  # type: ignore[arg-type]
        model_without = make_mlp(7, 8, 4, 5, "gelu", normalization, groups=2).double()
        later = updated(model_without, x, y)
        pairs = prefix_shared_gradients(model_without, later, x, y, F.cross_entropy)
        assert_same(ics.compare(pairs), internal_covariate_shift(model_without, later, x, y, F.cross_entropy))


@pytest.mark.parametrize("stacked", [True, False])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_nothing_is_touched(normalization: str, stacked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not stacked:
        monkeypatch.setattr(ics, "stackable", lambda module: False)
    model = make_mlp(7, 8, 3, 5, "tanh", normalization, noise=True, groups=2)
    model[1].append(nn.Dropout(0.5))  # type: ignore[operator]
    x, y = mlp_data()
    x = x.float()
    after = updated(model, x, y)
    model.eval()
    after[0].eval()
    calls: list[int] = []
    after[0].register_forward_hook(lambda *_: calls.append(1))
    seen = [state(net) for net in (model, after)]
    random = torch.get_rng_state()
    with torch.no_grad():
        internal_covariate_shift(model, after, x, y, F.cross_entropy)
    assert torch.equal(torch.get_rng_state(), random)
    assert not calls
    for net, was in zip((model, after), seen, strict=True):
        for (name, value), (_, old) in zip(state(net).items(), was.items(), strict=True):
            same = torch.equal(value, old) if isinstance(value, Tensor) and isinstance(old, Tensor) else value == old
            assert same, name
    after(x)  # weight norm is whole


def state(net: nn.Sequential) -> dict[str, object]:
    found: dict[str, object] = {name: value.clone() for name, value in net.state_dict().items()}
    for name, parameter in net.named_parameters():
        found[name + " grad"] = None if parameter.grad is None else parameter.grad.clone()
    for name, module in net.named_modules():
        found[name + " training"] = module.training
        if isinstance(module, UnitNoise):
            found[name + " generator"] = module.generator.get_state()
            found[name + " frozen"] = module.frozen
    return found


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_a_rate_of_zero_shifts_nothing(normalization: str, dtype: torch.dtype) -> None:
    model = make_mlp(7, 16, 6, 5, "relu", normalization, noise=True).to(dtype)
    x, y = mlp_data(50)
    after = updated(model, x.to(dtype), y, rate=0.0)
    shift = internal_covariate_shift(model, after, x.to(dtype), y, F.cross_entropy)
    assert not shift.l2.any()
    assert not shift.relative.any()
    assert (shift.cosine == 1).all()


@pytest.mark.parametrize("normalization", ["none", "batch", "layer", "batch_l1"])
def test_small_rates_give_the_hessian_times_the_gradient_below(normalization: str) -> None:
    """Law 11: ICS_i / lr -> |(H g_{<i})_i|, g_{<i} the gradient of the layers below i alone."""
    torch.manual_seed(4)
    model = make_mlp(7, 8, 3, 5, "tanh", normalization).double()
    x, y = mlp_data(20)
    rate = 1e-6
    shift = internal_covariate_shift(model, updated(model, x, y, rate), x, y, F.cross_entropy)
    parameters = list(model.parameters())
    gradients = torch.autograd.grad(F.cross_entropy(model(x), y), parameters, create_graph=True)
    for i, child in enumerate(model):
        below = {id(parameter) for lower in model[:i] for parameter in lower.parameters()}
        slope = sum(
            ((g * g.detach()).sum() for p, g in zip(parameters, gradients, strict=True) if id(p) in below),
            torch.zeros((), dtype=torch.float64, requires_grad=True),
        )
        (Hg,) = torch.autograd.grad(slope, weight_of(child), retain_graph=True, allow_unused=True)
        want = 0.0 if Hg is None else float(Hg.norm())
        assert shift.l2[i] / rate == pytest.approx(want, rel=1e-4, abs=1e-9)


def test_vanished_and_diverged_gradients() -> None:
    model = make_mlp(7, 8, 2, 5, "relu")
    x, y = mlp_data()
    x = x.float()
    dead = copy.deepcopy(model)
    with torch.no_grad():
        weight_of(dead[1]).zero_()
        weight_of(dead[2]).zero_()
    shift = internal_covariate_shift(dead, dead, x, y, F.cross_entropy)
    assert list(shift.relative) == [0, 0, 0]
    assert list(shift.cosine) == [1, 1, 1]
    shift = internal_covariate_shift(dead, model, x, y, F.cross_entropy)
    assert shift.relative[2] == np.inf
    assert np.isnan(shift.cosine[2])
    assert np.isnan(internal_covariate_shift(model, model, x * np.nan, y, F.cross_entropy).l2).all()


def test_errors_say_what_differs() -> None:
    x, y = mlp_data()
    with pytest.raises(ValueError, match="same layers"):
        internal_covariate_shift(make_mlp(7, 8, 2, 5), make_mlp(7, 9, 2, 5), x, y, F.cross_entropy)
    with pytest.raises(ValueError, match="no weight layer"):
        internal_covariate_shift(nn.Sequential(nn.ReLU()), nn.Sequential(nn.ReLU()), x, y, F.cross_entropy)
