"""How good a net is on samples: the mean loss, and the share it gets right."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bnviz.comparing.samples import Samples

LossFn = Callable[[Any, Any], Tensor]
EVAL_BATCH = 1024


def default_loss(output: Any, y: Tensor) -> Tensor:
    """Cross-entropy for whole-number y, else the mean squared error."""
    if not y.is_floating_point():
        return F.cross_entropy(output, y)
    return F.mse_loss(output, y.reshape(output.shape) if y.numel() == output.numel() else y)


def binary(loss_fn: LossFn) -> bool:
    """Whether y is 0 or 1 for one class or the other, as floating point numbers."""
    return isinstance(loss_fn, nn.BCEWithLogitsLoss) or loss_fn is F.binary_cross_entropy_with_logits


def right(output: Any, y: Any, loss_fn: LossFn) -> float:
    """Share of y that the output names, 0..1; NaN where there are no classes.

    Classes are whole-number y with one of two or more outputs for each class in dimension 1, where y below 0 is left
    out, or y of 0 and 1 under the binary cross-entropy with logits.
    """
    if not isinstance(output, Tensor) or not isinstance(y, Tensor):
        return math.nan
    if y.is_floating_point():
        named = (output > 0) == (y > 0.5) if binary(loss_fn) and output.shape == y.shape else None
    else:
        classes = output.dim() == y.dim() + 1 and output.shape[1] > 1
        named = (output.argmax(1) == y)[y >= 0] if classes else None
    return math.nan if named is None else float(named.double().mean())


@torch.no_grad()
def score(model: nn.Module, samples: Samples, places: Tensor, loss_fn: LossFn, size: int) -> tuple[float, float]:
    """Mean loss and share that is right over samples, in batches of this size and the model's own mode.

    An incomplete last batch is left out, unless it is the only one, where the model is in train mode: its statistics
    would be of few samples.
    """
    parts = [part for part in places.split(size) if not model.training or len(part) == min(size, len(places))]
    losses, shares, counts = [], [], []
    for part in parts:
        x, y = samples.batch(part)
        output = model(x)
        losses.append(float(loss_fn(output, y)) * len(part))
        counts.append(int((y >= 0).sum()) if isinstance(y, Tensor) and not y.is_floating_point() else len(part))
        shares.append(right(output, y, loss_fn) * counts[-1] if counts[-1] else 0.0)
    total = sum(map(len, parts))
    return math.fsum(losses) / total, math.fsum(shares) / sum(counts) if sum(counts) else math.nan
