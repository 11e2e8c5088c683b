"""Internal covariate shift of any module: a forward pass and a partial backward a layer, through functional_call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.func import functional_call

from bnviz.ics import Shift, compare
from bnviz.ics.stacked import Gradients

Parameters = Mapping[str, Tensor]


def shift_of_any(
    model: nn.Module,
    after: Parameters,
    layers: Sequence[tuple[Sequence[str], Sequence[str]]],
    args: tuple[object, ...],
    kwargs: Mapping[str, object],
    loss_of: Callable[[object], Tensor],
    measured: Sequence[int] | None = None,
) -> Shift:
    """The shift of each layer between `model` as it is and with the parameters `after`.

    Santurkar et al. 2018, Definition 2.1: G_i is the gradient with respect to layer i's weights before the update,
    G'_i the same with all parameters of the layers before it after the update. Every pass starts from the same
    random state and the same buffers. Neither the model, nor `.grad`, buffers and random state, are changed.

    layers: for each layer the names of its weights, and of all parameters that belong to it, in the order of the
    layers. args, kwargs: what the model takes; loss_of: its output -> a number. measured: the places of the layers
    that are asked for (default: all); the others still count as layers before.
    """
    before = {name: each.detach().requires_grad_() for name, each in model.named_parameters()}

    gradients = partial(_gradients, lambda parameters: loss_of(_output(model, parameters, args, kwargs)))
    asked = range(len(layers)) if measured is None else measured
    mixed: dict[str, Tensor] = dict(before)
    found: list[Gradients] = []
    moved = False
    with torch.enable_grad():
        plain = gradients(before, [name for place in asked for name in layers[place][0]])
        for place, (weights, belonging) in enumerate(layers):
            if place in asked:
                own, plain = plain[: len(weights)], plain[len(weights) :]
                shifted = gradients(mixed, weights) if moved else own
                found.append((_flat(own), _flat(shifted)))
            for name in belonging:
                moved = moved or not torch.equal(before[name], after[name])
                mixed[name] = after[name].detach()
    return compare(found)


def _gradients(loss_at: Callable[[Parameters], Tensor], parameters: Parameters, wanted: Sequence[str]) -> list[Tensor]:
    weights = [parameters[name] for name in wanted]
    return list(torch.autograd.grad(loss_at(parameters), weights, allow_unused=True, materialize_grads=True))


def _output(model: nn.Module, parameters: Parameters, args: tuple[object, ...], kwargs: Mapping[str, object]) -> object:
    """What the model makes of it with these parameters, on copies of all that a module may change in place."""
    buffers = {name: each.clone() for name, each in model.named_buffers()}
    entering = tuple(each.clone() if isinstance(each, Tensor) else each for each in args)
    devices = own_random(next(iter(parameters.values())).device)
    with torch.random.fork_rng(devices, device_type=devices[0].type if devices else "cuda"):
        return functional_call(model, {**parameters, **buffers}, entering, dict(kwargs))


def own_random(device: torch.device) -> list[torch.device]:
    """The device, if it has a random state of its own beside the CPU's, for `torch.random.fork_rng`."""
    return [device] if device.type in ("cuda", "xpu") else []


def _flat(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([each.detach().reshape(-1).double() for each in tensors])
