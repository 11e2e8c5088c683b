"""How values and runs are laid out for a normalization: per channel, and stacked for ICS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

EPS = 1e-5
"""Added to the variance (or to the p-norm average) so that nothing is divided by zero."""

Stacked = Callable[[Any, Tensor], Tensor]
"""What a module makes of runs h, (n, runs, ...), each as if it came alone, in train mode, with no buffer touched."""


def per_channel(values: Tensor, like: Tensor) -> Tensor:
    """(C,) shaped to broadcast over (n, C, ...)."""
    return values.reshape(-1, *[1] * (like.dim() - 2))


def samples_stacked(module: nn.Module, h: Tensor) -> Tensor:
    """Runs as further samples, where samples do not see each other."""
    flat: Tensor = module.forward(h.flatten(0, 1))
    return flat.reshape(*h.shape[:2], *flat.shape[1:])


def units_stacked(compute: Callable[[Any, Tensor, int], Tensor]) -> Stacked:
    """Runs as further units, (n, runs * C, ...), where units do not see each other; compute: of module, these, runs."""

    def stacked(module: nn.Module, h: Tensor) -> Tensor:
        return compute(module, h.flatten(1, 2), h.shape[1]).view_as(h)

    return stacked
