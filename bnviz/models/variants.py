"""Somebody's net with another normalization: replaced where it has one, else put between layers and activations."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from math import gcd
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from bnviz.config import NORMALIZATIONS
from bnviz.models.anatomy import NORMALIZES, first_tensor, observed, weight_layers
from bnviz.models.dataflow import Uses, uses_of
from bnviz.models.normalization import normalization_layer
from bnviz.models.normalization.shapes import EPS
from bnviz.models.normalization.weight import set_weight_norm
from bnviz.models.normalized import KINDS, OverTokens, Removed, set_own_normalization

AS_IS = "as is"
GROUPS = 8
Run = Callable[[nn.Module], Any]


@dataclass(frozen=True)
class Variant:
    """A net with other normalization, and what was done to it."""

    model: nn.Module
    changes: tuple[str, ...]
    """A sentence for each module that was changed, by its name."""
    left: tuple[str, ...]
    """A sentence for each module that could not be changed safely, by its name, with the reason."""


def variant(model: nn.Module, kind: str, run: Run, *, groups: int = GROUPS, momentum: float = 0.1) -> Variant:
    """A copy of a net with this normalization in place of the one it has.

    Every normalization module that the forward pass uses is replaced by one of this kind, or removed. A net that has
    none gets one between each weight layer (linear or convolution) and its activation, module or function: never after
    the output layer, nor after what gates something else; sums are left as they are. Weights stay, and gamma and beta
    where old and new have alike. A layer without a bias gets one of 0 where the normalization behind it had one and
    the new one has none. Tokens (n, t, C) are normalized feature by feature: BatchNorm over all n t of them.

    kind: a name in `bnviz.config.NORMALIZATIONS`, or "as is". run: sends a batch through the net it is given and
    returns what comes out. groups: of GroupNorm, as far as they divide the channels. momentum: of running statistics.
    Errors: ValueError for an unknown kind; whatever `run` raises.
    """
    if kind != AS_IS and kind not in NORMALIZATIONS:
        raise ValueError(f"A variant is {AS_IS!r} or one of {', '.join(NORMALIZATIONS)}, got {kind!r}.")
    twin = copy.deepcopy(model)
    if kind == AS_IS:
        return Variant(twin, (), ())
    surgery = _Surgery(twin, kind, groups, momentum)
    surgery.operate(run)
    return Variant(twin, tuple(surgery.changes), tuple(surgery.left))


def kinds_of(model: nn.Module) -> tuple[str, ...]:
    """The kinds of normalization that a net has, in the order of `NORMALIZATIONS`; modules of others by class."""
    found = {_kind_of(module) for module in model.modules() if isinstance(module, NORMALIZES)}
    return (*(kind for kind in NORMALIZATIONS if kind in found), *sorted(found - set(NORMALIZATIONS)))


def _kind_of(module: nn.Module) -> str:
    if isinstance(module, _BatchNorm):
        return "batch"
    if isinstance(module, nn.GroupNorm):
        return "layer" if module.num_groups == 1 else "group"
    if getattr(module, "p", None) in ("1", "inf"):
        return f"batch_l{module.p}"
    if isinstance(module, nn.LayerNorm):
        return "layer"
    return "rms" if "RMSNorm" in type(module).__name__ else type(module).__name__


class _Surgery:
    """One operation on one net, in place."""

    def __init__(self, model: nn.Module, kind: str, groups: int, momentum: float) -> None:
        self.model, self.kind = model, kind
        self.changes: list[str] = []
        self.left: list[str] = []
        self._layers = [name for name in weight_layers(model) if name]
        self._make = partial(_norm, kind, groups=groups, momentum=momentum)

    def operate(self, run: Run) -> None:
        """Replace, remove, or insert."""
        entered: dict[str, Tensor] = {}

        def see(name: str, args: tuple[Any, ...], output: Any) -> None:
            value = first_tensor(args)
            if output is None and value is not None and isinstance(self.model.get_submodule(name), NORMALIZES):
                entered.setdefault(name, value)

        with observed(self.model, see):
            there = [name for name, module in self.model.named_modules() if isinstance(module, NORMALIZES)]
            uses = uses_of(self.model, self._layers, there, run)
        for name in there:
            if name not in entered:
                self.left.append(f"{name}: {_called(self.model, name)} is not used by the forward pass.")
        for name, value in entered.items():
            self._replace(name, value, [layer for layer, use in uses.items() if use.enters == name])
        norm_of_weights = NORMALIZATIONS[self.kind].of_weights
        for name, use in uses.items() if not entered or norm_of_weights else ():
            if use.activated and not use.leaves and self.kind != "none":
                self._insert(name, use)

    def _replace(self, name: str, entering: Tensor, before: list[str]) -> None:
        old = self.model.get_submodule(name)
        if _kind_of(old) == self.kind:
            return
        tokens = type(old) in (nn.LayerNorm, nn.RMSNorm)
        if self.kind != "none" and (reason := _no_channels(old, entering)):
            self.left.append(f"{name}: {reason}.")
            return
        channels = entering.shape[-1] if tokens else entering.shape[1]
        new = self._make(channels, entering, tokens)
        if new is not None:
            _take_over(old, new.inner if isinstance(new, OverTokens) else new)
        self._put(name, Removed() if new is None else new)
        told = f"{name}: {_called(self.model, name, old)} " + ("removed" if new is None else f"→ {_title(new)}")
        if getattr(old, "bias", None) is not None and (new is None or _bias_of(new) is None):
            told += "".join(f"; a bias of 0 in {layer}" for layer in before if self._give_bias(layer))
        self.changes.append(told + ".")

    def _insert(self, name: str, use: Uses) -> None:
        layer = self.model.get_submodule(name)
        if reason := self._why_not(layer, use):
            self.left.append(f"{name}: {reason}.")
            return
        if NORMALIZATIONS[self.kind].of_weights:
            set_weight_norm(layer, True)
            self.changes.append(f"{name}: {NORMALIZATIONS[self.kind].title} of its weight.")
            return
        tokens = not isinstance(layer, _ConvNd)
        like = torch.empty(use.shape, device="meta")
        new = self._make(use.shape[-1 if tokens else 1], like, tokens)
        assert new is not None
        set_own_normalization(layer, new.to(_weight(layer)).train(layer.training))
        self.changes.append(f"{name}: {_title(new)} inserted after it.")

    def _why_not(self, layer: nn.Module, use: Uses) -> str:
        if type(layer) not in KINDS:
            return f"{type(layer).__name__} has no place for a normalization before its activation"
        if use.gates:
            return "its output gates another, and is left as it is"
        if NORMALIZATIONS[self.kind].of_weights and isinstance(layer, nn.modules.conv._ConvTransposeNd):
            return "the weights of a transposed convolution are not laid out by output"
        if use.calls > 1 and NORMALIZATIONS[self.kind].over_batch:
            return f"it is used {use.calls} times, and one BatchNorm would mix the statistics"
        return ""

    def _give_bias(self, name: str) -> bool:
        layer = self.model.get_submodule(name)
        if type(layer) not in KINDS or getattr(layer, "bias", None) is not None:
            return False
        channels = layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels
        layer.bias = nn.Parameter(_weight(layer).detach().new_zeros(channels))  # type: ignore[arg-type]
        return True

    def _put(self, name: str, new: nn.Module) -> None:
        old = self.model.get_submodule(name)
        like = next(old.parameters(), next(self.model.parameters()))
        new.to(like).train(old.training)
        for module in [*self.model.modules()]:  # it may be held by more than one
            for place, held in module._modules.items():
                if held is old:
                    module._modules[place] = new
        for owner in _owners(self.model, name):
            if isinstance(owner, nn.TransformerEncoderLayer):
                owner.activation_relu_or_gelu = 0  # its shortcut in eval mode knows LayerNorm alone


def _norm(kind: str, channels: int, like: Tensor, tokens: bool, *, groups: int, momentum: float) -> nn.Module | None:
    """A module that normalizes what is like this, (n, C, ...), or (n, ..., C) for tokens; None for no such kind."""
    if tokens:
        if kind == "layer":
            return nn.LayerNorm(channels, EPS)
        inner = normalization_layer(kind, channels, groups=gcd(groups, channels), momentum=momentum)
        return inner if inner is None or like.dim() == 2 or kind == "rms" else OverTokens(inner)
    if kind == "batch" and like.dim() in (3, 5):
        return (nn.BatchNorm1d if like.dim() == 3 else nn.BatchNorm3d)(channels, EPS, momentum)
    return normalization_layer(kind, channels, conv=like.dim() > 2, groups=gcd(groups, channels), momentum=momentum)


def _no_channels(old: nn.Module, entering: Tensor) -> str:
    """Why it cannot be told which dimension holds the channels; empty: it can."""
    if not isinstance(old, (nn.LayerNorm, nn.RMSNorm)):
        return ""
    if len(old.normalized_shape) > 1:
        return f"{type(old).__name__} over several dimensions has no channels to keep apart"
    if type(old) in (nn.LayerNorm, nn.RMSNorm):
        return ""
    channels = old.normalized_shape[0]  # of a class of somebody's own, such as one that takes maps
    first = entering.dim() > 2 and entering.shape[1] == channels and entering.shape[-1] != channels
    return "" if first else f"{type(old).__name__} does not show which dimension holds its channels"


@torch.no_grad()
def _take_over(old: nn.Module, new: nn.Module) -> None:
    """Gamma and beta, where both have alike: a net may start its blocks with a gamma of 0."""
    for name in ("weight", "bias"):
        given, taken = getattr(old, name, None), getattr(new, name, None)
        if isinstance(given, Tensor) and isinstance(taken, Tensor) and given.shape == taken.shape:
            taken.copy_(given)


def _bias_of(module: nn.Module) -> object:
    return getattr(module.inner if isinstance(module, OverTokens) else module, "bias", None)


def _weight(layer: nn.Module) -> Tensor:
    weight = layer.weight
    assert isinstance(weight, Tensor)
    return weight


def _title(module: nn.Module) -> str:
    inner = module.inner if isinstance(module, OverTokens) else module
    kind = _kind_of(inner)
    title = NORMALIZATIONS[kind].title if kind in NORMALIZATIONS else type(inner).__name__
    return f"{title} over tokens" if isinstance(module, OverTokens) else title


def _called(model: nn.Module, name: str, module: nn.Module | None = None) -> str:
    return type(module or model.get_submodule(name)).__name__


def _owners(model: nn.Module, name: str) -> Iterator[nn.Module]:
    parts = name.split(".")
    for end in range(len(parts)):
        yield model.get_submodule(".".join(parts[:end]))
