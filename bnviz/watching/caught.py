"""What the hooks see of a training forward: enough to run it, and the loss, once more on a copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from bnviz.models import LossFunction


@dataclass
class Caught:
    """What the hooks saw of one training forward."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    random_state: Tensor = field(default_factory=torch.get_rng_state)
    autocast: torch.dtype | None = None
    outputs: list[Any] = field(default_factory=list)
    """Leaves of what the model made of it."""
    loss_of: Callable[[Any], Tensor] | None = None
    """From the model's output to the loss."""
    direct: tuple[LossFunction, Tensor] | None = None
    """The loss function and y, where it takes the model's whole output as it is, and nothing but y beside it."""
    classes: tuple[int, Tensor] | None = None
    """Which leaf of the output holds logits (n, C), and the classes (n,), where the loss took such."""
    grad_norms: dict[str, float] = field(default_factory=dict)

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


def scalar(loss: Tensor) -> Tensor:
    """The loss as one number. Errors: ValueError where it is more than one."""
    if loss.numel() != 1:
        raise ValueError(f"the loss must be one number, got a tensor of shape {tuple(loss.shape)}")
    return loss.reshape(())


@contextmanager
def as_caught(caught: Caught) -> Iterator[None]:
    """The random state and the autocast of the forward; afterwards all is as before."""
    with torch.random.fork_rng(), torch.autocast("cpu", caught.autocast, enabled=caught.autocast is not None):
        torch.set_rng_state(caught.random_state)
        yield
