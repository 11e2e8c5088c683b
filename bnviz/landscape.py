"""Loss and gradient along the gradient, by Santurkar et al. 2018 (arXiv 1805.11604), section 3.2 and A.2.2."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from bnviz.config import Landscape
from bnviz.frames import Floats
from bnviz.models import LossFunction
from bnviz.models.noise import UnitNoise

POINTS = 8
"""Points measured on the way down the gradient."""


@dataclass(frozen=True, slots=True, eq=False)
class Bands:
    """How much loss and gradient vary along the gradient; NaN where a loss or gradient on the way is NaN."""

    loss: Floats
    """Min and max of L(theta - eta g): (2,)."""
    predictiveness: Floats
    """Min and max of |grad L(theta) - grad L(theta - eta g)|, in units of the gradient: (2,)."""
    beta: float
    """Effective beta-smoothness: max |grad L(theta) - grad L(theta - eta g)| / |eta g|; NaN where nothing moves."""


def step_lengths(landscape: Landscape, rate: float) -> tuple[float, ...]:
    """The step lengths eta of a setting for a learning rate; none when it is off.

    From 0.5 to 4 learning rates they are spaced evenly (0.5, 1, 1.5 ... 4), from 0.01 to 30 evenly in log.
    """
    if landscape == "off":
        return ()
    low, high = (float(end) for end in landscape.split("-"))
    rates = np.linspace(low, high, POINTS) if landscape == "0.5-4" else np.geomspace(low, high, POINTS)
    return tuple((rate * rates).tolist())


def loss_landscape(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    loss_fn: LossFunction,
    steps: Sequence[float],
    *,
    gradients: Sequence[Tensor] | None = None,
) -> Bands:
    """Loss, gradient predictiveness and effective beta at theta - eta g for each step length eta.

    Santurkar et al. 2018, section 3.2: theta are the parameters of the net that take a gradient, g is the gradient
    of the loss with respect to all of them, and nothing is trained on the way. The net is taken in train mode, on
    the same batch at every point, with the batch's own statistics at that point, dropout off, and the noise of the
    last training forward. Under weight norm, theta are its lengths and directions.

    x: (n, ...), y: what `loss_fn(model(x), y)` takes. steps: one or more eta. gradients: g, one tensor a parameter,
    if a backward has it already (saves one point). Model, buffers, `.grad` and random state are not touched.
    Errors: ValueError without a step, for a net with no parameter that takes a gradient, and for too few or many
    `gradients`.
    """
    return walk(expendable(model), x, y, loss_fn, steps, gradients)


def expendable(model: nn.Module) -> nn.Module:
    """A copy to walk with: in train mode with dropout off, noise held, and without hooks."""
    twin = copy.deepcopy(model)
    for module in twin.modules():
        module._forward_hooks.clear()
        module._forward_pre_hooks.clear()
        module._backward_hooks.clear()
        module.train(not isinstance(module, _DropoutNd))
        if isinstance(module, UnitNoise):
            module.frozen = True
    return twin


def walk(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    loss_fn: LossFunction,
    steps: Sequence[float],
    gradients: Sequence[Tensor] | None = None,
) -> Bands:
    """As `loss_landscape`, with a net that may be used up: its parameters and buffers are left anywhere."""
    parameters: list[Tensor] = [each for each in model.parameters() if each.requires_grad]
    if not steps or not parameters:
        raise ValueError("A landscape needs a step length and a parameter that takes a gradient, got none.")
    if gradients is not None and len(gradients) != len(parameters):
        raise ValueError(f"gradients must be one per parameter, {len(parameters)}, got {len(gradients)}.")
    start = [each.detach().clone() for each in parameters]
    points = []
    with torch.random.fork_rng(devices=[]):
        g = list(gradients or _at(model, parameters, x, y, loss_fn)[1])
        together = _flat(g)
        for eta in steps:
            with torch.no_grad():
                torch._foreach_copy_(parameters, start)
                torch._foreach_add_(parameters, g, alpha=-eta)
            loss, there = _at(model, parameters, x, y, loss_fn)
            points.append((loss, _norm(_flat(there) - together), eta * _norm(together)))
    losses, changes, moved = np.array(points).T
    beta = float(np.max(changes / moved)) if moved.all() else math.nan
    return Bands(_band(losses), _band(changes), beta)


@torch.enable_grad()
def _at(
    model: nn.Module, parameters: Sequence[Tensor], x: Tensor, y: Tensor, loss_fn: LossFunction
) -> tuple[float, Sequence[Tensor]]:
    """Loss and gradients where the parameters are."""
    loss = loss_fn(model(x.clone()), y)  # a first module may work in place
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
    return float(loss.detach()), gradients


def _flat(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([each.reshape(-1) for each in tensors])


def _norm(values: Tensor) -> float:
    return float(torch.linalg.vector_norm(values, dtype=torch.float64))  # a square may be too small for float32


def _band(values: Floats) -> Floats:
    return np.array([values.min(), values.max()])
