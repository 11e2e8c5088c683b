"""Internal covariate shift of every layer, by the definition of Santurkar et al. 2018 (arXiv 1805.11604), 2.1."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.utils import parametrize

from bnviz.frames import Floats
from bnviz.ics.stacked import Gradients, gradients_by_stacking, has_weight, layers_of, stackable
from bnviz.models import LossFunction
from bnviz.models.noise import UnitNoise
from bnviz.models.normalization.weight import remove_weight_norm


@dataclass(frozen=True, slots=True, eq=False)
class Shift:
    """How one update of the earlier layers changes each layer's gradient; float64, one value per weight layer.

    The first layer has none before it: 0, 0 and 1, exactly. All are NaN where a gradient is not finite.
    """

    l2: Floats
    """|G - G'|, in units of the gradient."""
    relative: Floats
    """|G - G'| / |G|; 0 where both are zero, inf where G alone is."""
    cosine: Floats
    """Cosine of the angle between G and G'; 1 where they are equal, else NaN where one of them is zero."""


def internal_covariate_shift(
    before: nn.Sequential,
    after: nn.Sequential,
    x: Tensor,
    y: Tensor,
    loss_fn: LossFunction,
    *,
    gradients: Sequence[Tensor] | None = None,
) -> Shift:
    """Internal covariate shift of each weight layer between a net before and after an update.

    Santurkar et al. 2018, Definition 2.1: G_i is the gradient of the loss with respect to the weight W_i
    before the update; G'_i is the same gradient on the same batch with layers 1..i-1 after the update (all
    their parameters) and layers i..k before it. Both nets are taken in train mode, with the batch's own
    statistics, dropout off, and the noise of the last training forward of `after`. Under weight norm, W is
    the effective weight.

    before, after: nets of one architecture. Layers are counted by their weights (nn.Linear or a convolution);
    a child without one belongs to the layer before it. x: (n, ...), y: what `loss_fn(after(x), y)` takes, a
    mean or sum over the samples. gradients: every G_i, if the backward of the update has it already (saves
    about a fifth). Neither net, no buffer, no `.grad` and no random state is touched.
    Errors: ValueError if the nets are not alike or have no weight layer, or for too few or many `gradients`.
    """
    return ShiftMeter(before, after)(x, y, loss_fn, gradients)


class ShiftMeter:
    """As `internal_covariate_shift`, for two nets that are compared again and again as their numbers change."""

    def __init__(self, before: nn.Sequential, after: nn.Sequential) -> None:
        self._nets = before, after
        self._old, self._new = layers_of(before), layers_of(after)
        _check_alike(before, after)
        self.layers = len(self._old)
        """How many weight layers there are."""
        self.stackable = all(stackable(module) for layer in self._old for module in layer.modules)
        """Whether all runs go through the nets at once, which is several times faster."""

    def __call__(self, x: Tensor, y: Tensor, loss_fn: LossFunction, gradients: Sequence[Tensor] | None = None) -> Shift:
        """The shift between the nets as they are now."""
        return compare(self.gradients(x, y, loss_fn, gradients))

    def gradients(
        self, x: Tensor, y: Tensor, loss_fn: LossFunction, gradients: Sequence[Tensor] | None = None
    ) -> list[Gradients]:
        """G and G' of each layer, as the nets are now."""
        if gradients is not None and len(gradients) != len(self._old):
            raise ValueError(f"gradients must be one per weight layer, {len(self._old)}, got {len(gradients)}.")
        with torch.enable_grad():
            if self.stackable:
                return gradients_by_stacking(self._old, self._new, x.detach(), y, loss_fn, gradients)
            with torch.random.fork_rng(devices=[]):
                return _by_prefix(*self._nets, x.detach(), y, loss_fn)


def _check_alike(before: nn.Sequential, after: nn.Sequential) -> None:
    old, new = (
        [(name, tuple(parameter.shape)) for name, parameter in model.named_parameters()] for model in (before, after)
    )
    if old != new:
        odd = next((pair for pair in zip(old, new, strict=False) if pair[0] != pair[1]), (len(old), len(new)))
        raise ValueError(f"before and after must have the same layers, got parameters {odd[0]} and {odd[1]}.")
    if not any(has_weight(module) for module in before.modules()):
        raise ValueError("The model has no weight layer (nn.Linear or a convolution).")


def _by_prefix(
    before: nn.Sequential, after: nn.Sequential, x: Tensor, y: Tensor, loss_fn: LossFunction
) -> list[Gradients]:
    """G and G' of each layer, child by child, whatever the children are."""
    before, after = _isolated(before), _isolated(after)
    for name, module in after.named_modules():
        if isinstance(module, UnitNoise):
            module.frozen = True
            before.set_submodule(name, module)
    weights = [child.get_parameter(key) for child in before for key in _weight_keys(child)]
    plain = torch.autograd.grad(loss_fn(before(x.clone()), y), weights)
    shifted: list[Tensor] = []
    entering = x
    for place, (child, twin) in enumerate(zip(before, after, strict=True)):
        for key in _weight_keys(child):
            parameters = _half_updated(child, twin, key)
            h = functional_call(child, parameters, entering.clone())
            for later in list(before)[place + 1 :]:
                h = later(h)
            shifted.extend(torch.autograd.grad(loss_fn(h, y), parameters[key]))
        with torch.no_grad():
            entering = twin(entering.clone())
    return list(zip(plain, [plain[0], *shifted[1:]], strict=True))


def _weight_keys(child: nn.Module) -> list[str]:
    return [f"{name}.weight".lstrip(".") for name, module in child.named_modules() if has_weight(module)]


def _half_updated(child: nn.Module, twin: nn.Module, key: str) -> dict[str, Tensor]:
    """Parameters of a child for the gradient of one of its weights: those of its earlier layers are the twin's."""
    parameters = dict(child.named_parameters())
    if key != _weight_keys(child)[0]:
        names = list(parameters)
        parameters |= {name: twin.get_parameter(name) for name in names[: names.index(key)]}
    return dict(parameters)


def _isolated(model: nn.Sequential) -> nn.Sequential:
    """A copy in train mode with dropout off, plain weights and none of the hooks that watch the original."""
    twin = copy.deepcopy(model).requires_grad_()
    for module in twin.modules():
        module._forward_hooks.clear()
        module._forward_pre_hooks.clear()
        module._backward_hooks.clear()
        module.train(not isinstance(module, _DropoutNd))
        if has_weight(module) and parametrize.is_parametrized(module, "weight"):
            remove_weight_norm(module)
    return twin


def compare(gradients: Sequence[Gradients]) -> Shift:
    """The shift from each layer's G and G'."""
    with np.errstate(all="ignore"):  # a net that has diverged
        return Shift(*np.array([_difference(*pair) for pair in gradients]).T)


def _difference(G: Tensor, shifted: Tensor) -> tuple[float, float, float]:
    """l2, relative and cosine, in float64."""
    a, b = (gradient.detach().reshape(-1).double() for gradient in (G, shifted))
    size, size_shifted, l2 = (math.sqrt(v @ v) for v in (a, b, a - b))
    if l2 == 0:
        return 0.0, 0.0, 1.0
    cosine = float(a @ b) / (size * size_shifted) if size and size_shifted else math.nan
    return l2, l2 / size if size else math.inf, cosine
