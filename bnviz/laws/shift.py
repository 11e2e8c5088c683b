"""Exact laws of internal covariate shift (Santurkar et al. 2018, Definition 2.1), on every net that bnviz builds."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from bnviz.config import NORMALIZATIONS
from bnviz.ics import Shift, internal_covariate_shift
from bnviz.laws.law import B, Outcome, at_most, data, law, small_net
from bnviz.models import weight_layer
from bnviz.models.normalization.weight import remove_weight_norm


class _OtherTanh(nn.Tanh):
    """Of a kind that the stacked way of computing ICS refuses, so that the prefix-shared one is taken."""


def _cases(conv: bool = True) -> Iterator[tuple[str, nn.Sequential, Tensor, Tensor]]:
    """Nets of every normalization, fully connected and convolutional, stackable and not, with a batch."""
    for name in NORMALIZATIONS:
        for maps in (False, True) if conv else (False,):
            x = data(B, 2, 8, 8) if maps else data(B, 4)
            y = torch.randint(0, 3, (B,))
            net = small_net(name, conv=maps, eps=1e-5)
            yield name, net, x, y
            other = copy.deepcopy(net)
            for child in list(other)[:-1]:
                for key, module in child.named_children():
                    if isinstance(module, nn.Tanh):
                        child.set_submodule(key, _OtherTanh())
            yield name, other, x, y


def _updated(net: nn.Sequential, x: Tensor, y: Tensor, rate: float) -> nn.Sequential:
    """The net after one step of gradient descent; the net itself stays."""
    after = copy.deepcopy(net)
    F.cross_entropy(after(x), y).backward()
    torch.optim.SGD(after.parameters(), rate).step()
    return after


@law(
    10,
    "Santurkar et al. 2018, Def. 2.1",
    "every net: 8 normalizations, MLP and CNN, both ways of computing, float32 and 64",
)
def no_shift() -> Outcome:
    """ICS of the first layer is exactly 0; at lr 0 that of every layer is, and the cosine 1."""
    wrong = count = 0
    for dtype in (torch.float32, torch.float64):
        for _, net, x, y in _cases():
            net, x = net.to(dtype), x.to(dtype)
            still, moved = (
                internal_covariate_shift(net, _updated(net, x, y, rate), x, y, F.cross_entropy) for rate in (0.0, 0.5)
            )
            wrong += bool(still.l2.any() or still.relative.any() or (still.cosine != 1).any())
            wrong += (moved.l2[0], moved.relative[0], moved.cosine[0]) != (0, 0, 1)
            wrong += not (moved.l2[1:] > 0).all()
            count += 1
    return Outcome(f"{count - wrong} of {count} nets", not wrong)


@law(11, "Taylor", "relative error 0 ± 1e-3 at lr 1e-6, all but weight norm")
def small_rates() -> Outcome:
    """Small rates: ICS_i / lr is the Hessian times the gradient of the layers below."""
    worst, rate = 0.0, 1e-6
    for name, net, x, y in _cases(conv=False):
        if name == "weight":  # the law is of the parameters, ICS there of the effective weights
            continue
        shift = internal_covariate_shift(net, _updated(net, x, y, rate), x, y, F.cross_entropy)
        for measured, want in zip(shift.l2[1:] / rate, _hessian_times_gradient(net, x, y)[1:], strict=True):
            worst = max(worst, abs(measured / want - 1))
    return at_most(worst, 1e-3)


def _hessian_times_gradient(net: nn.Sequential, x: Tensor, y: Tensor) -> list[float]:
    """|(H g_{<i})_i| of each layer: g_{<i} is the gradient of the layers below i, and 0 elsewhere."""
    parameters = list(net.parameters())
    gradients = torch.autograd.grad(F.cross_entropy(net(x), y), parameters, create_graph=True)
    found = []
    for i, child in enumerate(net):
        below = {id(parameter) for lower in list(net)[:i] for parameter in lower.parameters()}
        slope = sum(
            ((g * g.detach()).sum() for p, g in zip(parameters, gradients, strict=True) if id(p) in below),
            torch.zeros((), dtype=x.dtype, requires_grad=True),
        )
        layer = weight_layer(child)
        assert layer is not None
        (product,) = torch.autograd.grad(slope, layer.weight, retain_graph=True, allow_unused=True)
        found.append(0.0 if product is None else float(product.norm()))
    return found


def by_definition(before: nn.Sequential, after: nn.Sequential, x: Tensor, y: Tensor) -> list[tuple[Tensor, Tensor]]:
    """G_i and G'_i, the slow way: for each layer a net put together from both, and a full backward."""
    pairs = []
    for i in range(len(before)):
        mixed = copy.deepcopy(nn.Sequential(*list(after)[:i], *list(before)[i:]))
        pairs.append((_gradient(copy.deepcopy(before), i, x, y), _gradient(mixed, i, x, y)))
    return pairs


def _gradient(net: nn.Sequential, i: int, x: Tensor, y: Tensor) -> Tensor:
    """Gradient with respect to the weight that layer i computes with, by one full backward; `net` is used up."""
    layer = weight_layer(net[i])
    assert layer is not None
    if parametrize.is_parametrized(layer, "weight"):
        remove_weight_norm(layer)
    return torch.autograd.grad(F.cross_entropy(net.train()(x), y), layer.weight)[0]


@law(12, "Santurkar et al. 2018, Def. 2.1", "l2 / |G|, relative and cosine: difference 0 ± 1e-9, nets as in 10")
def definition() -> Outcome:
    """Computed fast, ICS is what the definition gives layer by layer."""
    worst = 0.0
    for _, net, x, y in _cases():
        after = _updated(net, x, y, 0.5)
        pairs = by_definition(net, after, x, y)
        known = [G for G, _ in pairs]
        for gradients in (None, known):
            shift = internal_covariate_shift(net, after, x, y, F.cross_entropy, gradients=gradients)
            worst = max(worst, _difference(shift, pairs))
    return at_most(worst, 1e-9)


def _difference(shift: Shift, pairs: Sequence[tuple[Tensor, Tensor]]) -> float:
    """Largest difference of l2 (in units of |G|), relative and cosine from these gradients."""
    worst = []
    for i, (G, shifted) in enumerate(pairs):
        l2, size = float((G - shifted).norm()), float(G.norm())
        cosine = float(F.cosine_similarity(G.flatten(), shifted.flatten(), dim=0))
        worst += [(shift.l2[i] - l2) / size, shift.relative[i] - l2 / size, shift.cosine[i] - cosine]
    return float(np.abs(worst).max())


LAWS = (no_shift, small_rates, definition)
