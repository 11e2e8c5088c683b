"""A copy of somebody's model on which everything is measured, so that the model itself is left alone."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd

from bnviz.ics import Shift, ShiftMeter
from bnviz.models.anatomy import DROPS, Anatomy, See, anatomy, observed
from bnviz.models.copies import copied
from bnviz.watching.caught import Caught, as_caught

_WITH_MODES = (_DropoutNd, _NormBase, nn.RNNBase, nn.RReLU, nn.MultiheadAttention)
"""Modules of torch that do something else in eval mode; what is made of them is found by its parts."""


class Mirror:
    """A copy of the model, brought to the state of a training step, on which everything is measured."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self.twin = copied(model).requires_grad_(False)
        self._pairs = [*zip(_state(model), _state(self.twin), strict=True)]
        self._meter: ShiftMeter | None = None
        self._modules = [*zip(model.modules(), self.twin.modules(), strict=True)]

    @torch.no_grad()
    def match(self) -> None:
        """Be as the model is now: parameters, buffers, modes."""
        for theirs, ours in self._pairs:
            ours.copy_(theirs)
        for module, twin in self._modules:
            twin.training = module.training

    def run(self, caught: Caught, see: See | None = None) -> Any:
        """The caught forward once more; the twin's buffers stay as they were before it. See `as_caught`."""
        buffers = {name: each.clone() for name, each in self.twin.named_buffers()}
        args = tuple(each.clone() if isinstance(each, Tensor) else each for each in caught.args)
        with torch.no_grad(), nullcontext() if see is None else observed(self.twin, see):
            return (
                functional_call(self.twin, buffers, args, caught.kwargs)
                if buffers
                else self.twin(*args, **caught.kwargs)
            )

    @cached_property
    def has_modes(self) -> bool:
        """Whether train and eval mode may differ: they do not in a net of torch's own modules without such."""
        own = (type(module) for module in self.twin.modules())
        return any(not each.__module__.startswith("torch.nn.modules.") or issubclass(each, _WITH_MODES) for each in own)

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """In eval mode; afterwards in the modes it was in."""
        modes = [(module, module.training) for module in self.twin.modules()]
        try:
            self.twin.eval()
            yield
        finally:
            for module, training in modes:
                module.training = training

    def stacked(self, caught: Caught, layers: int, after: Mapping[str, Tensor]) -> Shift | None:
        """ICS by the fast way, where the net is a chain of `layers` layers that it knows; else None."""
        if not isinstance(self.twin, nn.Sequential) or caught.direct is None or caught.kwargs or caught.autocast:
            return None
        if not all(module.training for module in self.twin.modules()):
            return None  # the fast way is in train mode throughout
        if self._meter is None:
            self._after = copy.deepcopy(self.twin)
            self._meter = ShiftMeter(self.twin, self._after)
        if not self._meter.stackable or self._meter.layers != layers:
            return None
        with torch.no_grad():
            for name, parameter in self._after.named_parameters():
                parameter.copy_(after[name])
        fn, y = caught.direct
        return self._meter(caught.args[0], y, fn)

    @contextmanager
    def without_dropout(self) -> Iterator[None]:
        """Dropout is off, modules are otherwise in the modes they were trained in."""
        dropping = [module for module in self.twin.modules() if isinstance(module, _DropoutNd) and module.training]
        rates = [(module, name, getattr(module, name)) for module in self.twin.modules() for name in DROPS
                 if isinstance(getattr(module, name, None), float)]  # fmt: skip
        try:
            for module in dropping:
                module.training = False
            for each, name, _ in rates:
                setattr(each, name, 0.0)
            yield
        finally:
            for module in dropping:
                module.training = True
            for each, name, rate in rates:
                setattr(each, name, rate)


def _state(model: nn.Module) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]


def parts(mirror: Mirror, caught: Caught) -> Anatomy:
    """The model's layers, from one forward pass."""
    executed: list[str] = []
    with as_caught(caught):
        mirror.run(caught, lambda name, args, output: executed.append(name) if output is None else None)
    return anatomy(mirror.twin, executed)
