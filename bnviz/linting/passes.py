"""One forward and backward pass in train mode and one forward in eval mode, on a copy: what the rules look at."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from bnviz.models.anatomy import Anatomy, anatomy, first_tensor, observed, weight_layers


@dataclass(frozen=True)
class Passes:
    """What was seen of a model."""

    model: nn.Module
    """A copy, as the model is: its modes and buffers."""
    anatomy: Anatomy
    order: tuple[str, ...]
    """Names of modules without children, each as often as it was executed."""
    entered: dict[str, Tensor]
    """What entered each module first, in train mode."""
    left: dict[str, Tensor]
    deltas: dict[str, float]
    """Norm of the loss's gradient at what left each module."""
    train_loss: float
    eval_loss: float

    def modules(self, *kinds: type[nn.Module]) -> list[tuple[str, nn.Module]]:
        """Those of these kinds, by name, in order of declaration."""
        return [(name, module) for name, module in self.model.named_modules() if isinstance(module, kinds)]

    def before(self, name: str) -> tuple[str, nn.Module] | None:
        """The module whose very output enters this one."""
        entering = self.entered.get(name)
        for other in self.order if entering is not None else ():
            if other != name and other in self.left and self.left[other] is entering:
                return other, self.model.get_submodule(other)
        return None


def run(model: nn.Module, sample: tuple[Any, Tensor], loss_fn: Callable[[Any, Tensor], Tensor] | None) -> Passes:
    """Run the model once. Errors: ValueError, see `lint`."""
    _check(model, sample)
    x, y = sample
    twin = _in_train_mode(model)
    order: list[str] = []
    entered: dict[str, Tensor] = {}
    left: dict[str, Tensor] = {}

    called: list[str] = []
    deltas: dict[str, float] = {}

    def see(name: str, args: tuple[Any, ...], output: Any) -> None:
        called.append(name)
        if next(twin.get_submodule(name).children(), None) is not None:
            return
        value = first_tensor(args if output is None else output)
        if output is None:
            order.append(name)
        if value is not None:
            (entered if output is None else left).setdefault(name, value)
            if output is not None and value.requires_grad:
                value.register_hook(partial(_note, deltas, name))

    with torch.random.fork_rng(), torch.enable_grad():
        with observed(twin, see):
            loss = _loss(twin(x), y, loss_fn)
        loss.backward()
    with torch.no_grad():
        evaluated = _loss(copy.deepcopy(model).eval()(x), y, loss_fn)
    return Passes(copy.deepcopy(model), anatomy(twin, called), tuple(order), entered, left, deltas,
                  float(loss.detach()), float(evaluated))  # fmt: skip


def _check(model: nn.Module, sample: tuple[Any, Tensor]) -> None:
    if not isinstance(model, nn.Module):
        raise ValueError(f"model must be a torch.nn.Module, got {type(model).__name__}.")
    if not weight_layers(model):
        raise ValueError(f"{type(model).__name__} has no weight layer (a module with a weight matrix).")
    if not isinstance(sample, (tuple, list)) or len(sample) != 2 or not isinstance(sample[1], Tensor):
        raise ValueError("sample_batch must be a pair of tensors, x and y.")


def _in_train_mode(model: nn.Module) -> nn.Module:
    """A copy in train mode; a BatchNorm that was left in eval mode inside a net in train mode stays so."""
    twin = copy.deepcopy(model).train()
    for module, theirs in zip(twin.modules(), model.modules(), strict=True):
        if isinstance(module, _BatchNorm) and model.training:
            module.training = theirs.training
    return twin


def _note(deltas: dict[str, float], name: str, gradient: Tensor) -> None:
    deltas.setdefault(name, float(gradient.norm()))


def _loss(output: Any, y: Tensor, loss_fn: Callable[[Any, Tensor], Tensor] | None) -> Tensor:
    if loss_fn is not None:
        loss = loss_fn(output, y)
    else:
        made = first_tensor(output)
        if made is None:
            raise ValueError("The model's output holds no tensor; give loss_fn.")
        classes = y.dtype == torch.long and made.dim() == y.dim() + 1
        loss = F.cross_entropy(made, y) if classes else F.mse_loss(made, y.to(made).reshape(made.shape))
    if loss.numel() != 1:
        raise ValueError(f"The loss must be one number, got a tensor of shape {tuple(loss.shape)}.")
    return loss
