"""Weight normalization (Salimans & Kingma 2016): a weight layer's own parametrization, put on and taken off."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import weight_norm


def set_weight_norm(layer: nn.Module, wanted: bool) -> None:
    """Give a layer weight norm, or take it away, in place; the effective weight stays the same to the bit."""
    has = parametrize.is_parametrized(layer, "weight")
    if wanted and not has:
        weight_norm(layer)
        length, direction = (layer.get_parameter(f"parametrizations.weight.original{k}") for k in (0, 1))
        with torch.no_grad():  # the norm as the kernel rounds it, so that the effective weight is the same to the bit
            length.copy_(torch.ops.aten._weight_norm_interface(direction, length, 0)[1])
    elif has and not wanted:
        remove_weight_norm(layer)


def remove_weight_norm(layer: nn.Module) -> None:
    """Make the effective weight of a parametrized layer its own parameter again, in place.

    `torch.nn.utils.parametrize.remove_parametrizations` would also break every deep copy of the layer: copies
    share the class that it strips.
    """
    weight, bias = layer.weight, layer._parameters.pop("bias", None)
    assert isinstance(weight, Tensor)
    layer.__class__ = type(layer).__bases__[0]
    del layer.parametrizations
    layer.weight = nn.Parameter(weight.detach().clone())
    layer.register_parameter("bias", bias)
