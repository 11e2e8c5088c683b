"""Watches any PyTorch model in any training loop: hooks alone, and the loop trains as it would without them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from torch import Tensor, nn
from torch.optim import Optimizer

from bnviz.watching.loop import Watch

__all__ = ["Watch", "watch"]


def watch(
    model: nn.Module, optimizer: Optimizer | Sequence[Optimizer], loss_fn: Callable[..., Tensor] | None = None, *,
    every: int = 50, out: str | os.PathLike[str] | None = None, layers: str | Sequence[str] | None = None,
    ics_every: int | None = None, budget: float | None = None,
) -> Watch:  # fmt: skip
    """Watch a model in a loop that stays as it is; `.close()` ends it, or `with`.

    Every `every`-th update is measured: what enters each layer and each activation, gradients as the optimizer finds
    them (after accumulation and clipping), update sizes, ICS across the update (Santurkar et al. 2018, Definition 2.1;
    on the last batch before the update, dropout off), loss in train and in eval mode. Layers are the modules with a
    weight matrix, in the order in which the forward pass first runs them. All is measured on a copy of the model:
    its weights, buffers, gradients, optimizer and random state are bit for bit those of an unwatched loop.

    loss_fn: the loss module; a mere function is to be wrapped, `loss_fn = watch.loss(loss_fn)`; None for a model whose
    output has a `loss`. optimizer: one, or several, of which the last completes a step. out: a file that `bnviz open`
    shows. layers: names or patterns such as `layer2.*`; the others still count as layers before. ics_every: steps from
    one measurement of ICS to the next. budget: at most this share of the time is spent measuring; `.share` says how
    much was. An error inside measuring is logged once, and the loop goes on.

    Errors: ValueError for a model without weight layers and for values that are not allowed; OSError for `out`.
    """
    return Watch(model, optimizer, loss_fn, every=every, out=out, layers=layers, ics_every=ics_every, budget=budget)
