"""Gradients of Santurkar et al. 2018, Definition 2.1, with all runs stacked: the fast half of `bnviz.ics`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.grad import conv2d_weight
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.utils import parametrize

from bnviz.models import LossFunction
from bnviz.models.noise import UnitNoise
from bnviz.models.normalization import STACKED
from bnviz.models.normalization.shapes import samples_stacked

Gradients = tuple[Tensor, Tensor]  # G_i and G'_i, each of the shape of W_i

STACK_BYTES = 2**20
"""Runs that differ in their first layers are stacked up to this size of one layer's activations."""
_ANY_SHAPE = (nn.Sigmoid, nn.Tanh, nn.ReLU, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.ELU, nn.SELU, nn.Softplus, nn.ReLU6,
              nn.Hardtanh, nn.Mish, nn.Identity)  # fmt: skip
_PER_SAMPLE = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Flatten)
_DROPOUT = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.AlphaDropout)
_STACKABLE = frozenset({nn.Linear, UnitNoise, *_ANY_SHAPE, *_PER_SAMPLE, *_DROPOUT, *STACKED})
_MEAN_OR_SUM = (nn.CrossEntropyLoss, nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss, nn.NLLLoss,
                nn.BCEWithLogitsLoss)  # fmt: skip


@dataclass(slots=True)
class Layer:
    """A weight layer with the modules around it that belong to it, in the order they are applied."""

    modules: list[nn.Module] = field(default_factory=list)
    weight: nn.Module | None = None


def layers_of(model: nn.Sequential) -> list[Layer]:
    """The layers of a net, counted by their weights; a child without one belongs to the layer before it."""
    layers = [Layer()]
    for child in model:
        modules = list(_flat(child))
        opens = layers[-1].weight is not None and any(has_weight(module) for module in modules)
        for module in modules:
            if opens or (has_weight(module) and layers[-1].weight is not None):
                layers.append(Layer())
                opens = False
            layers[-1].modules.append(module)
            if has_weight(module):
                layers[-1].weight = module
    return layers


def _flat(module: nn.Module) -> Iterator[nn.Module]:
    if type(module) is nn.Sequential:
        for child in module:
            yield from _flat(child)
    else:
        yield module


def has_weight(module: nn.Module) -> bool:
    """Whether the module is a weight layer."""
    return isinstance(module, (nn.Linear, _ConvNd))


def stackable(module: nn.Module) -> bool:
    """Whether runs can pass the module stacked. What is not known to work is refused."""
    kind = type(module)
    if parametrize.is_parametrized(module) and not any(True for _ in module.buffers()):
        kind = kind.__bases__[0]  # weight norm; not spectral norm, which changes a buffer whenever it is read
    if kind is nn.Conv2d:
        return isinstance(module.padding, tuple) and module.padding_mode == "zeros"
    return kind in _STACKABLE and getattr(module, "start_dim", 1) == 1  # Flatten


def gradients_by_stacking(
    old: Sequence[Layer],
    new: Sequence[Layer],
    x: Tensor,
    y: Tensor,
    loss_fn: LossFunction,
    known: Sequence[Tensor] | None = None,
) -> list[Gradients]:
    """G and G' of each layer, from runs stacked as activations (n, runs, ...): few operations, each large.

    Run 0 goes through the old net alone and gives every G. Run i enters at layer i, with what the updated
    layers below it make of x, and gives the G' of that layer.
    """
    entries = [x]
    with torch.no_grad():
        for layer in new[:-1]:
            h = entries[-1].unsqueeze(1)
            for module in layer.modules:
                h = _apply(module, module, h)
            entries.append(h.squeeze(1))
    runs = max(1, STACK_BYTES // max(entry.numel() * entry.element_size() for entry in entries))
    found: list[list[Tensor]] = [[] for _ in old] if known is None else [[G] for G in known]
    for first in range(0 if known is None else 1, len(entries), runs):
        group = dict(enumerate(entries[first : first + runs], first))
        for i, gradients in _run(old, new, group, y, loss_fn):
            found[i].extend(gradients)
    unmoved = _unmoved(old, new)
    return [(G[0], G[0] if i <= unmoved else G[-1]) for i, G in enumerate(found)]


def _run(
    old: Sequence[Layer], new: Sequence[Layer], entries: dict[int, Tensor], y: Tensor, loss_fn: LossFunction
) -> Iterator[tuple[int, Tensor]]:
    """Layer, and its weight's gradient, (k, *W.shape), in the k of these runs that ask for it.

    Run 0 asks for every G, each other run for the G' of the layer at which it enters.
    """
    first = min(entries)
    h = entries[first].unsqueeze(1)  # (n, runs, ...)
    asked: list[tuple[int, Tensor, Tensor, slice]] = []  # layer, what enters it, what leaves it, places of runs
    for i in range(first, len(old)):
        if i in entries and i > first:
            h = torch.cat([h, entries[i].unsqueeze(1)], dim=1)
        places = _asking(first=0 in entries, last=h.shape[1] - 1 if i in entries and i > 0 else None)
        for module, twin in zip(old[i].modules, new[i].modules, strict=True):
            entering, h = h, _apply(module, twin, h)
            if module is old[i].weight and places is not None:
                h = h if h.requires_grad else h.requires_grad_()
                asked.append((i, entering.detach(), h, places))
    deltas = torch.autograd.grad(_total(h, y, loss_fn), [leaving for _, _, leaving, _ in asked])
    for (i, entering, _, places), delta in zip(asked, deltas, strict=True):
        weight = old[i].weight
        assert weight is not None
        yield i, _weight_gradient(weight, entering[:, places], delta[:, places])


def _asking(first: bool, last: int | None) -> slice | None:
    """The stacked runs that ask for a layer's gradient: the first, the one at place `last`, or both; None: neither."""
    if first and last:
        return slice(0, None, last)  # a view; a list of places would copy
    return slice(0, 1) if first else None if last is None else slice(last, None)


def _total(logits: Tensor, y: Tensor, loss_fn: LossFunction) -> Tensor:
    """Sum of the losses of all runs, logits (n, runs, ...)."""
    runs = logits.shape[1]
    if loss_fn is F.cross_entropy:
        loss_fn = nn.CrossEntropyLoss()
    reduction = getattr(loss_fn, "reduction", "none")
    if type(loss_fn) not in _MEAN_OR_SUM or reduction not in ("mean", "sum"):
        return torch.stack([loss_fn(run, y) for run in logits.unbind(1)]).sum()
    together, target = logits.flatten(0, 1), y.repeat_interleave(runs, dim=0)
    if isinstance(loss_fn, nn.CrossEntropyLoss) and logits.dim() == 3 and y.dim() == 1:
        together, target = together.t().contiguous()[None], target[None]  # classes first: 3 times faster
    return loss_fn(together, target) * (runs if reduction == "mean" else 1)


def _weight_gradient(layer: nn.Module, entering: Tensor, delta: Tensor) -> Tensor:
    """Gradient (k, *W.shape) from what enters the layer and the gradient of what leaves it, (n, k, ...) each."""
    if isinstance(layer, nn.Conv2d):
        how = (layer.stride, layer.padding, layer.dilation, layer.groups)
        each = zip(entering.unbind(1), delta.unbind(1), strict=True)
        shape = layer.weight.shape
        return torch.stack([conv2d_weight(a.contiguous(), shape, d.contiguous(), *how) for a, d in each])
    rows, columns = (tensor.transpose(0, 1).flatten(1, -2) for tensor in (delta, entering))
    return rows.transpose(1, 2) @ columns


def _apply(module: nn.Module, twin: nn.Module, h: Tensor) -> Tensor:
    """What the module makes of stacked runs h, (n, runs, ...); the noise is that of its `twin` after the update."""
    if isinstance(module, nn.Linear):
        return F.linear(h, module.weight, module.bias)
    if how := STACKED.get(type(module)):
        return how(module, h)
    if isinstance(module, _PER_SAMPLE):
        return samples_stacked(module, h)
    if isinstance(twin, UnitNoise):
        scale, shift = (noise.view(len(h), 1, -1, *[1] * (h.dim() - 3)) for noise in twin.held(h))
        return torch.addcmul(shift, scale, h)
    if isinstance(module, _DropoutNd):
        return h
    leaving: Tensor = module.forward(h.clone() if getattr(module, "inplace", False) else h)
    return leaving


def _unmoved(old: Sequence[Layer], new: Sequence[Layer]) -> int:
    """How many of the first layers the update left as they were: the gradients above them cannot differ."""
    for count, (layer, twin) in enumerate(zip(old, new, strict=True)):
        for module, other in zip(layer.modules, twin.modules, strict=True):
            if not all(map(torch.equal, module.parameters(), other.parameters())):
                return count
    return len(old)
