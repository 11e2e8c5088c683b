"""Slow, obvious twins of what bnviz computes fast: typed from the definition, for tests and benchmarks."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from bnviz.models.noise import UnitNoise
from bnviz.models.normalization.weight import remove_weight_norm

Loss = Callable[[Tensor, Tensor], Tensor]


def plain_copy(model: nn.Sequential) -> nn.Sequential:
    """A deep copy in train mode with effective weights, dropout off, and noise held."""
    twin = copy.deepcopy(model).train()
    for module in twin.modules():
        if parametrize.is_parametrized(module, "weight"):
            remove_weight_norm(module)
        if isinstance(module, nn.Dropout):
            module.eval()
        if isinstance(module, UnitNoise):
            module.frozen = True
    return twin


def has_weight(child: nn.Module) -> bool:
    return any(isinstance(module, (nn.Linear, nn.Conv2d)) for module in child.modules())


def weight_of(child: nn.Module) -> nn.Parameter:
    return next(module.weight for module in child.modules() if isinstance(module, (nn.Linear, nn.Conv2d)))


def updated(
    model: nn.Sequential, x: Tensor, y: Tensor, rate: float = 0.5, loss_fn: Loss = F.cross_entropy
) -> nn.Sequential:
    """The net after one step of plain gradient descent; the net itself stays."""
    after = copy.deepcopy(model).train()
    loss_fn(after(x), y).backward()
    torch.optim.SGD(after.parameters(), rate).step()
    return after


def all_gradients(model: nn.Sequential, x: Tensor, y: Tensor, loss_fn: Loss) -> list[Tensor]:
    """Gradient of every weight, by one full backward."""
    model.zero_grad()
    loss_fn(model(x.clone()), y).backward()
    return [weight_of(child).grad.clone() for child in model if has_weight(child)]  # type: ignore[union-attr]


def shifted_gradients(
    before: nn.Sequential, after: nn.Sequential, x: Tensor, y: Tensor, loss_fn: Loss
) -> list[tuple[Tensor, Tensor]]:
    """G_i and G'_i of Santurkar et al. 2018, Def. 2.1: for each layer a deep copy and a full backward.

    A child without a weight belongs to the layer before it.
    """
    before, after = plain_copy(before), plain_copy(after)
    for name, module in after.named_modules():
        if isinstance(module, UnitNoise):
            before.set_submodule(name, module)
    G = all_gradients(copy.deepcopy(before), x, y, loss_fn)
    starts = [place for place, child in enumerate(before) if has_weight(child)]
    starts[0] = 0
    pairs = []
    for i, start in enumerate(starts):
        mixed = nn.Sequential(*[copy.deepcopy(after[j] if j < start else before[j]) for j in range(len(before))])
        pairs.append((G[i], all_gradients(mixed, x, y, loss_fn)[i]))
    return pairs


def prefix_shared_gradients(
    before: nn.Sequential, after: nn.Sequential, x: Tensor, y: Tensor, loss_fn: Loss
) -> list[tuple[Tensor, Tensor]]:
    """The same, running only the layers from i on: the peer that a faster way has to beat."""
    before, after = plain_copy(before), plain_copy(after)
    weights = [weight_of(child) for child in before]
    G = torch.autograd.grad(loss_fn(before(x), y), weights)
    pairs, entering = [], x
    for i in range(len(before)):
        h = entering
        for later in before[i:]:
            h = later(h)
        pairs.append((G[i], torch.autograd.grad(loss_fn(h, y), weights[i])[0]))
        with torch.no_grad():
            entering = after[i](entering)
    return pairs


def landscape_by_copies(
    model: nn.Sequential, x: Tensor, y: Tensor, loss_fn: Loss, steps: Sequence[float]
) -> tuple[list[float], list[float], list[float]]:
    """Loss, |gradient difference| and that over the way moved, for each step: a deep copy and a full backward each."""

    def loss_and_gradients(values: list[np.ndarray] | None) -> tuple[float, list[np.ndarray]]:
        twin = copy.deepcopy(model).train()
        for module in twin.modules():
            if isinstance(module, UnitNoise):
                module.frozen = True
            if isinstance(module, nn.Dropout):
                module.eval()
        if values is not None:
            for parameter, value in zip(twin.parameters(), values, strict=True):
                parameter.data = torch.from_numpy(value)
        twin.zero_grad()
        loss = loss_fn(twin(x), y)
        loss.backward()
        return loss.item(), [parameter.grad.numpy() for parameter in twin.parameters()]  # type: ignore[union-attr]

    def norm(arrays: Iterable[np.ndarray]) -> float:
        return math.sqrt(sum(float((array**2).sum()) for array in arrays))

    theta = [parameter.detach().numpy() for parameter in model.parameters()]
    _, g = loss_and_gradients(None)
    losses, changes, betas = [], [], []
    for eta in steps:
        loss, there = loss_and_gradients([value - eta * slope for value, slope in zip(theta, g, strict=True)])
        losses.append(loss)
        changes.append(norm(a - b for a, b in zip(there, g, strict=True)))
        betas.append(changes[-1] / norm(eta * slope for slope in g))
    return losses, changes, betas
