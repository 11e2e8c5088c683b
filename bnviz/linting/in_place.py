"""Operations in place that change what a net computes, or break its backward pass: found by going without them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from bnviz.models.copies import copied

CAN_WRITE = {
    function
    for name, function in vars(F).items()
    if inspect.isfunction(function) and name[0] != "_" and "inplace" in inspect.signature(function).parameters
}
"""Functions that work in place when they are told to."""


class OutOfPlace(TorchFunctionMode):
    """Functions that would write into their input write into a copy of it."""

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in CAN_WRITE and args and isinstance(args[0], Tensor):
            args = (args[0].clone(), *args[1:])
        return func(*args, **(kwargs or {}))


def changes(model: nn.Module, as_is: Any, output_of: Callable[[nn.Module], Any]) -> dict[str, str]:
    """By module, how the pass goes otherwise because it works in place; `as_is`: the output, or what was raised.

    A net as most are, whose operations in place only save memory, gives the same output without them.
    """
    with OutOfPlace():
        if not (told := _otherwise(as_is, model, output_of)):
            return {}
    found = {}
    for name, module in model.named_modules():
        if getattr(module, "inplace", False):
            twin = copied(model)
            twin.get_submodule(name).inplace = False  # type: ignore[assignment]
            if alone := _otherwise(as_is, twin, output_of):
                found[name] = alone
    return found or {"": told}


def _otherwise(as_is: Any, twin: nn.Module, output_of: Callable[[nn.Module], Any]) -> str:
    if isinstance(as_is, str):
        try:
            output_of(twin)
        except Exception:  # noqa: BLE001 - it is not this one, or not this one alone
            return ""
        return f"the backward pass fails with inplace=True and does not without it: {as_is}."
    furthest = _distance(as_is, output_of(twin))
    told = f"without inplace=True the model's output on this batch is another, by up to {furthest:.2g}."
    return told if furthest else ""


def _distance(one: Any, other: Any) -> float:
    pairs = zip(tree_leaves(one), tree_leaves(other), strict=True)
    apart = [
        (a.detach() - b.detach()).abs().nan_to_num().max()
        for a, b in pairs
        if isinstance(a, Tensor) and a.is_floating_point()
    ]
    return float(torch.stack(apart).max()) if apart else 0.0
