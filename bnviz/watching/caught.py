"""What the hooks see of a training forward: enough to run it, and the loss, once more on a copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from bnviz.ics.anywhere import own_random
from bnviz.models import LossFunction
from bnviz.watching.seen import Seen

ANOTHER_LOSS = (
    "the loss is not taken of what the model returns, so ICS and losses are not measured; let a function do what lies "
    "between: loss_fn = watch.loss(lambda output, y: ...)"
)


@dataclass
class Caught:
    """What the hooks saw of one training forward."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    device: torch.device = torch.device("cpu")
    """Where the model is."""
    random_states: list[Tensor] = field(default_factory=list)
    """Of the CPU, and of the device if it has one of its own."""
    autocast: torch.dtype | None = None
    seen: Seen | None = None
    """What was seen inside the model; None where the forward is to be run once more to see it."""
    outputs: list[Any] = field(default_factory=list)
    """Leaves of what the model made of it."""
    loss_of: Callable[[Any], Tensor] | None = None
    """From the model's output to the loss."""
    loss: object = None
    """What it was."""
    direct: tuple[LossFunction, Tensor] | None = None
    """The loss function and y, where it takes the model's whole output as it is, and nothing but y beside it."""
    classes: tuple[int, Tensor] | None = None
    """Which leaf of the output holds logits (n, C), and the classes (n,), where the loss took such."""
    grad_norms: dict[str, Tensor] = field(default_factory=dict)
    """Of each parameter that has a gradient when the optimizer finds it: a number."""

    def take_loss(self, fn: Callable[..., Tensor], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
        """The loss was called with these; False if none of them is an output of the model, as it is or reshaped."""
        for position, given in enumerate(args):
            for leaf, made in enumerate(self.outputs):
                if isinstance(given, Tensor) and isinstance(made, Tensor) and _same(given, made):
                    others = tree_map(lambda each: each.detach() if isinstance(each, Tensor) else each, args)
                    self.loss_of = _replay(fn, leaf, position, given.shape, others, dict(kwargs))
                    rest = [each for place, each in enumerate(args) if place != position]
                    y = rest[0] if rest else None
                    whole = position == 0 and len(self.outputs) == len(rest) == 1 and given.shape == made.shape
                    if whole and not kwargs and isinstance(y, Tensor):
                        self.direct = fn, y
                    if (
                        made.dim() == 2
                        and isinstance(y, Tensor)
                        and y.dtype == torch.long
                        and y.shape == made.shape[:1]
                    ):
                        self.classes = leaf, y
                    return True
        return False


def _same(given: Tensor, made: Tensor) -> bool:
    return given is made or (given.data_ptr() == made.data_ptr() and given.numel() == made.numel()
                             and given.is_contiguous() and made.is_contiguous())  # fmt: skip


def _replay(fn: Callable[..., Tensor], leaf: int, position: int, shape: torch.Size, args: tuple[Any, ...],
            kwargs: dict[str, Any]) -> Callable[[Any], Tensor]:  # fmt: skip
    def loss_of(output: Any) -> Tensor:
        given = tree_leaves(output)[leaf].reshape(shape)
        return fn(*args[:position], given, *args[position + 1 :], **kwargs)

    return loss_of


def own_loss(output: Any) -> Tensor:
    """The loss that a model computes itself: its output, or that output's `loss`. Errors: ValueError without one."""
    found = output.get("loss") if isinstance(output, Mapping) else getattr(output, "loss", output)
    if not isinstance(found, Tensor):
        raise ValueError("no loss is known: give loss_fn, or a model whose output has a loss")
    return found


def loss_problem(caught: Caught, loss_fn: object) -> str:
    """Why there is no loss, as a sentence without its end, and then none is known from here on; empty: there is one."""
    problem = ""
    try:
        if caught.loss_of is own_loss:
            caught.loss = own_loss(caught.loss)
        if caught.loss_of is not None:
            scalar(caught.loss)
        elif isinstance(loss_fn, nn.Module):
            problem = "the loss module was not called with what the model returned, so ICS and losses are not measured"
        else:
            problem = ("a loss function cannot be watched from outside, so ICS and losses are not measured; "
                       "wrap it: loss_fn = watch.loss(loss_fn)")  # fmt: skip
    except ValueError as error:
        problem = str(error)
    if problem:
        caught.loss_of = None
    return problem


def scalar(loss: object) -> Tensor:
    """The loss as one number. Errors: ValueError where it is more than one, or no tensor."""
    if not isinstance(loss, Tensor):
        raise ValueError(f"the loss must be a tensor of one number, got {type(loss).__name__}")
    if loss.numel() != 1:
        raise ValueError(f"the loss must be one number, got a tensor of shape {tuple(loss.shape)}")
    return loss.reshape(())


def catch(model: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Caught:
    """What a forward of the model starts from: its arguments, the random states, the autocast."""
    device = next(model.parameters()).device
    precision = torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else None
    states = [torch.get_rng_state(), *(_generator(device).get_rng_state(each) for each in own_random(device))]
    copies = tree_map(lambda each: each.detach().clone() if isinstance(each, Tensor) else each, (args, {**kwargs}))
    return Caught(copies[0], copies[1], device, states, precision)


@contextmanager
def as_caught(caught: Caught) -> Iterator[None]:
    """The random states and the autocast of the forward; afterwards all is as before."""
    kind, devices = caught.device.type, own_random(caught.device)
    with (
        torch.random.fork_rng(devices, device_type=kind if devices else "cuda"),
        torch.autocast(kind, caught.autocast, enabled=caught.autocast is not None),
    ):
        torch.set_rng_state(caught.random_states[0])
        for device, state in zip(devices, caught.random_states[1:], strict=True):
            _generator(device).set_rng_state(state, device)
        yield


def _generator(device: torch.device) -> Any:
    return torch.get_device_module(device)
