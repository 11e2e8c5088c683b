"""Records what flows through a model in one training step, and leaves no trace in it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.utils.hooks import RemovableHandle

from bnviz.landscape import expendable
from bnviz.models.anatomy import first_tensor
from bnviz.models.noise import UnitNoise
from bnviz.probe.structure import Chain, Spot, Structure


class Probe:
    """Records what flows through `model` while attached, and its weights on entry and on exit.

    model: an nn.Sequential with one child per layer, as `bnviz.models.make_mlp` builds, or what `structure` is of.

    >>> with probe:                                         # one training step of your own
    ...     loss_fn(model(x), y).backward()
    ...     optimizer.step()
    >>> frames = measure(step, {"mine": probe}, batch, loss_fn, names)

    The model keeps no hook and no copy: parameters, buffers, gradients and random state are as without the probe.
    What was recorded belongs to the probe alone, until it is attached again.
    own_loss: whether the backward pass inside is that of the loss which `measure` is given, and of nothing more.
    """

    def __init__(self, model: nn.Module, own_loss: bool = True, structure: Structure | None = None) -> None:
        self.structure = structure = structure or Chain()
        """How nets like the model are built."""
        self._in_place = structure.in_place
        self.model = model
        self._own_loss = own_loss
        self.before = copy.deepcopy(model).eval()
        """The model as it was on entry: weights and buffers before the step; in eval mode."""
        self.after = copy.deepcopy(model)
        """The model as it was on exit: weights after the step."""
        self.shift = structure.meter(self.before, self.after)
        """Internal covariate shift from one to the other."""
        self.layers, self.layers_before, self.layers_after = map(structure.spots, (model, self.before, self.after))
        self.gradients: list[Tensor | None] = []
        self.own_gradients: list[Tensor] | None = None
        """Gradient of the loss that `measure` is given, one a parameter; None if not at hand."""
        self.inputs: list[Tensor] = []
        self.normalized: list[Tensor | None] = []
        self.preactivations: list[Tensor] = []
        self.outputs: list[Tensor] = []
        self._state, self._state_before, self._state_after = map(_state, (model, self.before, self.after))
        self._noise, self._noise_after = _noises(model), _noises(self.after)
        self._weights: list[list[Tensor]] = []
        self._left: Tensor | None = None
        self._handles: list[RemovableHandle] = []
        self._walker: nn.Module | None = None

    @property
    def logits(self) -> Tensor:
        """What the net made of the batch; of a net that is run child by child, what left its last layer."""
        return self.preactivations[-1] if self._left is None else self._left

    @property
    def weight_gradients(self) -> list[Tensor] | None:
        """G of each layer from the training step itself, where it is of the own loss and of the weight in use."""
        known = [gradient for gradient in self.gradients if gradient is not None]
        return known if self.own_gradients is not None and len(known) == len(self.layers) else None

    @property
    def walker(self) -> nn.Module:
        """A model as it was on entry, to be used up; made when first asked for."""
        if self._walker is None:
            self._walker = expendable(self.before)
        with torch.no_grad():
            torch._foreach_copy_(_state(self._walker), self._state_before)
        for mine, twin in zip(_noises(self.model), _noises(self._walker), strict=True):
            twin._last = mine._last
        return self._walker

    def __enter__(self) -> Probe:
        with torch.no_grad():
            torch._foreach_copy_(self._state_before, self._state)
        count = len(self.layers)
        self.inputs, self.preactivations, self.outputs = ([torch.empty(0)] * count for _ in range(3))
        self.normalized, self._weights, self._left = [None] * count, [[] for _ in range(count)], None
        for index, layer in enumerate(self.layers):
            self._watch(layer.weight, index, self.inputs)
            self._watch_weight(layer, index)
            if layer.normalization is not None:
                self._watch(layer.normalization, index, self.normalized)
            end, units = layer.activation or layer.last, layer.tokens
            self._watch(end, index, self.outputs, output=True, tokens=units)
            self._watch(end, index, self.preactivations, output=layer.activation is None, tokens=units)
        self._handles.append(self.model.register_forward_hook(self._leave))
        return self

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []
        with torch.no_grad():
            torch._foreach_copy_(self._state_after, self._state)
        for mine, twin in zip(self._noise, self._noise_after, strict=True):
            twin._last = mine._last
        self.gradients = [_gradient(weights) for weights in self._weights]
        trained = [each for each in self.model.parameters() if each.requires_grad]
        known = [each.grad for each in trained if each.grad is not None]
        self.own_gradients = known if self._own_loss and len(known) == len(trained) else None

    def _leave(self, model: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        left = first_tensor(output)
        self._left = None if left is None else left.detach()

    def _watch(
        self, module: nn.Module, index: int, store: list[Any], output: bool = False, tokens: bool = False
    ) -> None:
        def keep(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], *result: Any) -> None:
            value = first_tensor(result[0] if result else (args, kwargs))
            if value is not None:
                value = value.detach() if value.is_floating_point() else value.float()
                value = value.clone() if self._in_place else value  # a later module may change it
                store[index] = value.flatten(0, -2) if tokens and value.dim() > 2 else value

        attach: Callable[..., RemovableHandle] = module.register_forward_pre_hook
        self._handles.append((module.register_forward_hook if output else attach)(keep, with_kwargs=True))

    def _watch_weight(self, layer: Spot, index: int) -> None:
        """Have the gradient of the weight in use kept, also where it is computed from other parameters."""
        if not parametrize.is_parametrized(layer.weight, "weight"):
            self._weights[index] = [getattr(layer.weight, name) for name in layer.names]
            return

        def keep(module: nn.Module, args: tuple[Tensor, ...], weight: Tensor) -> None:
            if weight.requires_grad:
                weight.retain_grad()
                self._weights[index] = [weight]

        self._handles.append(layer.weight.get_submodule("parametrizations.weight").register_forward_hook(keep))


def _gradient(weights: Sequence[Tensor]) -> Tensor | None:
    """That of a layer's W, in one row where W is several; None for none."""
    found = [weight.grad for weight in weights if weight.grad is not None]
    return torch.cat([each.reshape(-1) for each in found]) if len(found) > 1 else next(iter(found), None)


def _state(model: nn.Module) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]


def _noises(model: nn.Module) -> list[UnitNoise]:
    return [module for module in model.modules() if isinstance(module, UnitNoise)]
