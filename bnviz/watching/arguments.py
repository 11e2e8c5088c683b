"""What `watch` is given, checked before the loop starts: later the loop must not fail because of us."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

from torch import nn
from torch.optim import Optimizer

from bnviz.models.anatomy import weight_layers


def check(
    model: nn.Module, optimizers: Sequence[Optimizer], patterns: Sequence[str] | None, *,
    every: int, ics_every: int | None, budget: float | None,
) -> None:  # fmt: skip
    """Errors: ValueError that says what was given and what is allowed."""
    if not isinstance(model, nn.Module):
        raise ValueError(f"model must be a torch.nn.Module, got {type(model).__name__}.")
    if not optimizers or not all(isinstance(each, Optimizer) for each in optimizers):
        raise ValueError("optimizer must be a torch.optim.Optimizer, or several of them.")
    for name, value in (("every", every), ("ics_every", ics_every)):
        if value is not None and (not isinstance(value, int) or value < 1):
            raise ValueError(f"{name} must be a whole number of steps from 1 on, got {value!r}.")
    if budget is not None and not 0 < budget <= 1:
        raise ValueError(f"budget must be a share of the training time, above 0 and up to 1, got {budget!r}.")
    names = [name or type(model).__name__ for name in weight_layers(model)]
    if not names:
        raise ValueError(f"{type(model).__name__} has no weight layer (a module with a weight matrix).")
    for pattern in patterns or ():
        if not fnmatch.filter(names, pattern):
            raise ValueError(f"layers: {pattern!r} names no layer. Layers of this model: {', '.join(names)}.")
