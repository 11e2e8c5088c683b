"""Where a probe looks in a net: its layers, and how their shift is measured, for nets of ours and for any other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils import parametrize

from bnviz.ics import Shift, ShiftMeter
from bnviz.ics.anywhere import shift_of_any
from bnviz.landscape import expendable
from bnviz.models import LossFunction, pieces, weight_layer
from bnviz.models.anatomy import DROPS, Anatomy, named
from bnviz.models.normalization.weight import remove_weight_norm

Meter = Callable[[Tensor, Tensor, LossFunction, Sequence[Tensor] | None], Shift]
"""Of a batch x, y, the loss, and G if it is at hand: the shift between two nets as they are now."""


class Spot(NamedTuple):
    """One layer, as modules of a net."""

    weight: nn.Module
    """Holds the weight; what enters it is the layer's input."""
    normalization: nn.Module | None
    activation: nn.Module | None
    """What enters it is the preactivation."""
    last: nn.Module
    """What leaves it is the preactivation where there is no activation."""
    names: tuple[str, ...] = ("weight",)
    """Of what of the layer is its W."""
    tokens: bool = False
    """Whether units come last, (n, ..., C), and not second, (n, C, ...)."""

    @property
    def in_use(self) -> Tensor:
        """The weight in use; several in one row."""
        first, *others = (getattr(self.weight, name) for name in self.names)
        return torch.cat([each.reshape(-1) for each in (first, *others)]) if others else first


class Structure(Protocol):
    """How nets of a kind are built."""

    in_place: bool
    """Whether modules may work in place."""

    def spots(self, model: nn.Module) -> list[Spot]:
        """The layers of a net of this kind, in order."""

    def meter(self, before: nn.Module, after: nn.Module) -> Meter:
        """What measures the shift from one net to the other."""


class Chain:
    """Nets of `make_mlp` and `make_cnn`: one child per layer."""

    in_place = False

    def spots(self, model: nn.Module) -> list[Spot]:
        """The children that have a weight."""
        children = [child for child in model.children() if weight_layer(child) is not None]
        return [Spot(*pieces(child), child) for child in children]

    def meter(self, before: nn.Module, after: nn.Module) -> Meter:
        """All runs stacked, where that can be."""
        assert isinstance(before, nn.Sequential)
        assert isinstance(after, nn.Sequential)
        return ShiftMeter(before, after)


class Anything:
    """Nets of somebody's own, as their `anatomy` was found by one forward pass; shown: names of the layers to see."""

    in_place = True

    def __init__(self, anatomy: Anatomy, shown: Sequence[str]) -> None:
        self._layers = anatomy.layers
        self._shown = [place for place, layer in enumerate(anatomy.layers) if layer.name in shown]

    def spots(self, model: nn.Module) -> list[Spot]:
        """The layers to see."""
        found, modules = [], named(model)
        for layer in (self._layers[place] for place in self._shown):
            module = modules[layer.name]
            normalization, activation = (
                None if name is None else modules[name] for name in (layer.normalization, layer.activation)
            )
            names = tuple(name.removeprefix(f"{layer.name}.") for name in layer.weights)
            if parametrize.is_parametrized(module, "weight"):
                names = ("weight",)
            last = normalization or module
            found.append(Spot(module, normalization, activation, last, names, not isinstance(module, _ConvNd)))
        return found

    def meter(self, before: nn.Module, after: nn.Module) -> Meter:
        """A forward and a backward pass a layer, on a copy in train mode without dropout."""
        twin = expendable(before)
        for module in twin.modules():
            for name in DROPS:
                if isinstance(getattr(module, name, None), float):
                    setattr(module, name, 0.0)
        for module in [*twin.modules()]:
            if parametrize.is_parametrized(module, "weight"):
                remove_weight_norm(module)
        layers = [(_in_use(layer.weights), _in_use(layer.parameters)) for layer in self._layers]

        def measured(x: Tensor, y: Tensor, loss_fn: LossFunction, known: Sequence[Tensor] | None) -> Shift:
            with torch.no_grad():
                old, new = _weights_in_use(before), _weights_in_use(after)
                for name, parameter in twin.named_parameters():
                    parameter.copy_(old[name])
                for ours, theirs in zip(twin.buffers(), before.buffers(), strict=True):
                    ours.copy_(theirs)
            return shift_of_any(twin, new, layers, (x,), {}, lambda output: loss_fn(output, y), self._shown)  # type: ignore[arg-type]

        return measured


def _in_use(names: Sequence[str]) -> tuple[str, ...]:
    """Names of parameters, with those that a weight is computed from as that weight."""
    return tuple(dict.fromkeys(name.partition(".parametrizations.weight")[0] + ".weight"
                               if ".parametrizations.weight" in name else name for name in names))  # fmt: skip


def _weights_in_use(model: nn.Module) -> dict[str, Tensor]:
    """Parameters by name, and in the place of those that a weight is computed from, that weight."""
    found: dict[str, Tensor] = dict(model.named_parameters())
    for name, module in model.named_modules():
        if parametrize.is_parametrized(module, "weight"):
            found[f"{name}.weight"] = getattr(module, "weight")  # noqa: B009  torch types it as tensor or module
    return found
