"""What the rules look at: a forward and backward pass in train mode, and a forward in eval mode, on copies."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer
from torch.utils._pytree import tree_leaves

from bnviz.linting.in_place import OutOfPlace, changes
from bnviz.linting.sample import Given, Sample, shape, take
from bnviz.linting.spread import Spread, over_batches
from bnviz.linting.trace import INPUT, OneValue, Trace, norm
from bnviz.models.anatomy import Anatomy, anatomy, first_tensor, observed, weight_layers
from bnviz.models.copies import copied, replayable, told

Loss = Callable[[Any, Tensor], Tensor]


class _WrittenOver(Exception):
    """The backward pass needs a value that was changed in place."""


@dataclass(frozen=True)
class Passes:
    """What was seen of a model."""

    model: nn.Module
    """A copy, as the model is: its modes and buffers."""
    given: Given
    anatomy: Anatomy
    trace: Trace
    dropless: Trace | None
    """The same forward without dropout; None where none drops."""
    output: Any
    """Of the model, in train mode."""
    gradients: dict[str, float]
    """Norm of each parameter's gradient."""
    train_loss: float
    eval_loss: float
    """NaN where the loss cannot be had in eval mode."""
    spread: dict[str, Spread]
    """Of each BatchNorm, over the batches given; empty where one pair was given."""
    in_place: dict[str, str]
    """What goes otherwise because of an operation in place: module, and evidence."""
    decay: dict[str, float]
    """Weight decay of each parameter that the optimizer given decays."""

    def modules(self, *kinds: type[nn.Module]) -> list[tuple[str, nn.Module]]:
        """Those of these kinds, by name, in order of declaration."""
        return [(name, module) for name, module in self.model.named_modules() if isinstance(module, kinds)]

    def before(self, name: str) -> tuple[str, nn.Module] | None:
        """The module whose very output enters this one."""
        source = self.trace.came_from.get(name)
        return None if source is None else (source, self.model.get_submodule(source))

    @property
    def outputs(self) -> list[Tensor]:
        """All tensors that the model returns."""
        return [leaf for leaf in tree_leaves(self.output) if isinstance(leaf, Tensor)]

    def of_the_batch(self) -> list[tuple[str, _BatchNorm]]:
        """The BatchNorms that ran on statistics of the batch: a model in eval mode is linted in train mode."""
        return [
            (name, module)
            for name, module in self.model.named_modules()
            if isinstance(module, _BatchNorm) and name in self.trace.entered
            and (module.training or not self.model.training or module.running_mean is None)
        ]  # fmt: skip

    def behind_nothing(self, name: str) -> bool:
        """Whether no gradient at all arrives at the input and at the weight layers that run before this module."""
        first = {each: place for place, each in reversed([*enumerate(self.trace.called)])}
        earlier = [layer.name for layer in self.anatomy.layers if first.get(layer.name, math.inf) < first[name]]
        return all(self.trace.deltas.get(each, 0.0) == 0 for each in (INPUT, *earlier))


def run(model: nn.Module, sample: Sample, loss_fn: Loss | None, optimizer: Optimizer | None = None) -> Passes:
    """Run the model on copies. Errors: ValueError, see `lint`; OneValue."""
    model = getattr(model, "_orig_mod", model)  # a compiled one
    _check(model)
    decay = _decayed(model, optimizer)
    with replayable():
        given = take(sample)
        twin = in_train_mode(model)
        try:
            trace, output, loss, gradients = _learn(twin, given, loss_fn, nullcontext())
            in_place = changes(twin, output, lambda each: forward(each, given)[1]) if trace.wrote else {}
        except _WrittenOver as error:
            trace, output, loss, gradients = _learn(twin, given, loss_fn, OutOfPlace())
            in_place = changes(twin, str(error), lambda each: _learn(each, given, loss_fn, nullcontext())[1])
        dropless = forward(twin, given, drop=False)[0] if trace.drops else None
        spread = over_batches(twin, given)
        evaluated = _evaluated(model, given, loss_fn)
    return Passes(copied(model), given, anatomy(twin, trace.called), trace, dropless, output, gradients,
                  float(loss.detach()), evaluated, spread, in_place, decay)  # fmt: skip


def _check(model: nn.Module) -> None:
    if not isinstance(model, nn.Module):
        raise ValueError(f"model must be a torch.nn.Module, got {type(model).__name__}.")
    if lazy := next((name for name, each in model.named_parameters() if is_lazy(each)), None):
        raise ValueError(f"{lazy} of {type(model).__name__} has no shape yet: run the model once on a batch.")
    if not weight_layers(model):
        raise ValueError(f"{type(model).__name__} has no weight layer (a module with a weight matrix).")


def _decayed(model: nn.Module, optimizer: Optimizer | None) -> dict[str, float]:
    if optimizer is None:
        return {}
    if not isinstance(optimizer, Optimizer):
        raise ValueError(f"optimizer must be a torch.optim.Optimizer, got {type(optimizer).__name__}.")
    decays = {id(each): group.get("weight_decay", 0) for group in optimizer.param_groups for each in group["params"]}
    held = {name: decays[id(each)] for name, each in model.named_parameters() if id(each) in decays}
    if not held:
        raise ValueError(f"The optimizer is of another model: it holds no parameter of this {type(model).__name__}.")
    return {name: float(decay) for name, decay in held.items() if decay > 0}


def in_train_mode(model: nn.Module) -> nn.Module:
    """A copy in train mode; a BatchNorm that was left in eval mode inside a net in train mode stays so."""
    twin = copied(model).train()
    for module, theirs in zip(twin.modules(), model.modules(), strict=True):
        if isinstance(module, _BatchNorm) and model.training:
            module.training = theirs.training
    return twin


def forward(model: nn.Module, given: Given, drop: bool = True) -> tuple[Trace, Any]:
    """One traced forward pass of a copy, from the same random state each time. Errors: ValueError, OneValue."""
    twin = copied(model)
    trace = Trace(twin, drop)
    return trace, _output(twin, given, trace)


def _output(twin: nn.Module, given: Given, trace: Trace) -> Any:
    x = given.x if isinstance(given.x, tuple) else (given.x,)
    x = tuple(trace.given(each) if isinstance(each, Tensor) else each for each in x)
    try:
        with replayable(), observed(twin, trace.see), trace:
            return twin(*x)
    except OneValue:
        raise
    except Exception as error:
        raise ValueError(
            f"{type(twin).__name__} could not run on x of shape {shape(given.x)}: {told(error)}."
        ) from error


def _learn(
    model: nn.Module, given: Given, loss_fn: Loss | None, how: AbstractContextManager[object]
) -> tuple[Trace, Any, Tensor, dict[str, float]]:
    """A forward and backward pass on a copy: what was seen, the output, the loss, the gradients' norms."""
    twin = copied(model)
    trace = Trace(twin)
    with torch.enable_grad():
        with how:
            output = _output(twin, given, trace)
        loss = _loss(output, given, loss_fn)
        if loss.requires_grad:
            _backward(loss)
    gradients = {name: norm(p.grad) for name, p in twin.named_parameters() if p.grad is not None}
    if not gradients and any(each.requires_grad for each in twin.parameters()):
        raise ValueError("The loss depends on no parameter of the model: nothing could be learned from it.")
    return trace, output, loss, gradients


def _backward(loss: Tensor) -> None:
    try:
        loss.backward()
    except RuntimeError as error:
        if "inplace operation" in str(error):
            raise _WrittenOver(told(error)) from error
        raise ValueError(f"The backward pass failed: {told(error)}.") from error


def _evaluated(model: nn.Module, given: Given, loss_fn: Loss | None) -> float:
    twin = copied(model).eval()
    try:
        with torch.no_grad():
            return float(_loss(_output(twin, given, Trace(twin)), given, loss_fn))
    except ValueError:
        return math.nan  # a model may give something else in eval mode, such as fewer outputs


def _loss(output: Any, given: Given, loss_fn: Loss | None) -> Tensor:
    try:
        loss = loss_fn(output, given.y) if loss_fn is not None else _usual_loss(output, given.y)
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(f"The loss could not be computed of an output of shape {shape(output)} and y of shape "
                         f"{shape(given.y)}: {told(error)}.") from error  # fmt: skip
    if not isinstance(loss, Tensor):
        raise ValueError(f"The loss must be a tensor of one number, got {type(loss).__name__}.")
    if loss.numel() != 1:
        raise ValueError(f"The loss must be one number, got a tensor of shape {tuple(loss.shape)}.")
    return loss


def _usual_loss(output: Any, y: Tensor) -> Tensor:
    made = first_tensor(output)
    if made is None:
        raise ValueError("The model's output holds no tensor; give loss_fn.")
    if y.dtype != torch.long or made.dim() != y.dim() + 1:
        if made.numel() != y.numel():
            raise ValueError(f"Output and y do not match: shapes {shape(made)} and {shape(y)}; give loss_fn.")
        return F.mse_loss(made, y.to(made).reshape(made.shape))
    known = y[y != -100]  # that one is left out by cross-entropy
    if known.numel() and not 0 <= int(known.min()) <= int(known.max()) < made.shape[1]:
        wrong = int(known.max()) if int(known.max()) >= made.shape[1] else int(known.min())
        raise ValueError(f"y holds class {wrong}, but the model gives {made.shape[1]} outputs: "
                         f"classes go from 0 to {made.shape[1] - 1}.")  # fmt: skip
    if made.shape[0] != y.shape[0] or made.shape[2:] != y.shape[1:]:
        raise ValueError(f"Output and y do not match: shapes {shape(made)} and {shape(y)}.")
    return F.cross_entropy(made, y)
