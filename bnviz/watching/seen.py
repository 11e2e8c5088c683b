"""What passes through a model's layers in one forward pass, as far as it is measured: samples and figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from bnviz.models.anatomy import Layer, first_tensor
from bnviz.probe import metrics

MOST_VALUES = 2**12
"""Of a layer with more values than this, every third, fifth ... is looked at."""


class Seen:
    """Looks at what modules are given and make, at once, because a later module may work in place.

    Samples (m,), m <= `MOST_VALUES`, are copies on the CPU; whatever needs all values is computed where they are.
    Of a module that is called several times the first call counts.
    """

    def __init__(self, layers: Iterable[Layer], modules: Mapping[str, nn.Module]) -> None:
        self.entered: dict[str, Tensor] = {}
        """A sample of what enters each layer, by the layer's name."""
        self.passed: dict[str, Tensor] = {}
        """A sample of what enters each layer's activation."""
        self.units: dict[str, Tensor] = {}
        """A sample of what enters the activation of its first unit or channel."""
        self.shares: dict[str, tuple[float, float]] = {}
        """Saturated and dead share of each layer's activations."""
        self.gaps: dict[str, tuple[float, float]] = {}
        """Of each layer's normalization: see `metrics.running_gaps`."""
        self._modules = modules
        self._layers: dict[str, Layer] = {}
        self._made: dict[str, Layer] = {}
        self._normalized: dict[str, Layer] = {}
        self._activated: dict[str, Layer] = {}
        for layer in layers:
            self._layers[layer.name] = layer
            if layer.normalization is not None:
                self._normalized[layer.normalization] = layer
            if layer.activation is not None:
                self._activated[layer.activation] = layer
            else:
                self._made[layer.normalization or layer.name] = layer

    @property
    def wanted(self) -> set[str]:
        """Names of the modules to look at."""
        return {*self._layers, *self._made, *self._normalized, *self._activated}

    def see(self, name: str, args: tuple[Any, ...], output: Any) -> None:
        """A module of this name is given `args`, and has made `output`, if that is not None."""
        value = first_tensor(args if output is None else output)
        if value is None or not value.is_floating_point() or not value.numel():  # an embedding's indices
            return
        value = value.detach()
        if output is None:
            self._enters(name, value)
        else:
            self._leaves(name, value)

    def _enters(self, name: str, value: Tensor) -> None:
        if name in self._layers:
            self.entered.setdefault(name, sample(value))
        if (layer := self._normalized.get(name)) is not None and layer.name not in self.gaps and value.dim() > 1:
            mean, var = metrics.running_gaps([self._modules[name]], [value])[0]
            self.gaps[layer.name] = mean, var
        if (layer := self._activated.get(name)) is not None:
            self._passes(layer, value)

    def _leaves(self, name: str, value: Tensor) -> None:
        if (layer := self._activated.get(name)) is not None and layer.name not in self.shares:
            units, activation = self._by_unit(layer, value), self._modules[name]
            if units is not None:
                shares = metrics.saturated_share(activation, units), metrics.dead_share(activation, units)
                self.shares[layer.name] = shares
        if (layer := self._made.get(name)) is not None:
            self._passes(layer, value)

    def _passes(self, layer: Layer, value: Tensor) -> None:
        units = self._by_unit(layer, value)
        if units is not None and layer.name not in self.passed:
            self.passed[layer.name], self.units[layer.name] = sample(units), sample(units[:, 0])

    def _by_unit(self, layer: Layer, values: Tensor) -> Tensor | None:
        """Units, or channels, second: (n, C, ...); None for a single number."""
        if values.dim() < 2:
            return values[None] if values.dim() else None
        conv = isinstance(self._modules.get(layer.name), _ConvNd)
        return values if conv and values.dim() > 2 else values.flatten(0, -2)


def sample(values: Tensor) -> Tensor:
    """Up to `MOST_VALUES` values, (m,), as floating point on the CPU, evenly from all."""
    flat = values.reshape(-1)
    stride = math.ceil(len(flat) / MOST_VALUES)
    # An odd stride does not fall on the same columns of each map.
    some = flat[:: stride | 1 if stride > 1 else 1]
    return some.to("cpu", torch.promote_types(values.dtype, torch.float32), copy=True)
