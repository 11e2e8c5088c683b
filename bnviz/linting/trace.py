"""What one forward and backward pass does: the modules that run, and the functions that they call."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase
from torch.nn.modules.conv import _ConvNd
from torch.overrides import TorchFunctionMode

from bnviz.linting.in_place import CAN_WRITE
from bnviz.models.anatomy import first_tensor

NORMALIZES = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)
RELUS = {"relu", "relu6"}
SQUASHES = {"sigmoid": 0.47, "tanh": 0.97}
"""How far from its middle each is flat."""
GATES = {"sigmoid", "hardsigmoid"}
SOFTMAXES = {"softmax", "log_softmax"}
_ACTIVATES = RELUS | {*SQUASHES} | GATES | SOFTMAXES
_MULTIPLIES = {"mul", "multiply"}
_DROPS = {"dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"}


INPUT = "the model's input"
"""Its name beside those of modules, which never have a space."""


class OneValue(Exception):
    """A BatchNorm was to take its statistics of one value a channel, which PyTorch refuses."""

    def __init__(self, module: str) -> None:
        super().__init__(module)
        self.module = module


@dataclass(slots=True)
class Activation:
    """One call of an activation function, as a module or as a function."""

    kind: str
    module: str
    """The activation module, else the module whose output it takes, else the one whose forward calls it."""
    place: str
    """The activation in words: `its`, or `the relu on its output's`, before what is measured."""
    source: str | None
    """The module whose very output it takes."""
    taken: Tensor
    made: Tensor
    dead: int
    """Units that are 0 for all of the batch (ReLU)."""
    units: int
    """How many units were asked; 0 where there were too few values to tell."""
    flat: float
    """Share of values in the flat part (sigmoid, tanh)."""
    gates: bool = False
    """Whether what it makes is multiplied with something other than its input."""


class Trace(TorchFunctionMode):
    """Sees modules by hooks (`observed(model, trace.see)`) and functions as a torch function mode (`with trace:`)."""

    def __init__(self, model: nn.Module, drop: bool = True) -> None:
        """drop: False lets what dropout takes pass as it is."""
        super().__init__()
        self._modules = dict(model.named_modules())
        self._drop = drop
        self._stack: list[str] = []
        self._made: dict[int, tuple[str, Tensor]] = {}
        self._units_last = False
        self.called: list[str] = []
        """Names of all modules, in order of their calls."""
        self.order: list[str] = []
        """Of modules without children alone, each as often as it was executed."""
        self.came_from: dict[str, str] = {}
        """For a module the one whose very output, or a view of that, entered it first."""
        self.entered: dict[str, Tensor] = {}
        """What entered each normalization module first."""
        self.statistics: dict[str, list[tuple[Tensor, Tensor]]] = {}
        """Mean and biased variance (C,) of what entered each BatchNorm, call by call."""
        self.activations: list[Activation] = []
        self.wrote = False
        """Whether any function wrote into its input."""
        self.drops: list[tuple[int, str]] = []
        """For each dropout that dropped: its place in `order`, and the module that called it."""
        self.deltas: dict[str, float] = {}
        """Norm of the loss's gradient at what left each module."""

    def given(self, x: Tensor) -> Tensor:
        """The input, copied, as a model may write into it; how much gradient arrives at it is noted as `INPUT`."""
        x = x.detach().clone()
        if torch.is_grad_enabled() and x.is_floating_point():
            x = x.requires_grad_().clone()  # not a leaf, which nobody may write into
            x.register_hook(partial(_note, self.deltas, INPUT))
        return x

    def see(self, name: str, args: tuple[Any, ...], output: Any) -> None:
        """A module is entered (output is None) or left."""
        module = self._modules[name]
        leaf = isinstance(module, nn.MultiheadAttention) or next(module.children(), None) is None
        if output is None:
            self.called.append(name)
            self._stack.append(name)
            if leaf:
                self._enter(name, module, first_tensor(args))
            return
        self._stack.pop()
        value = first_tensor(output)
        if value is None:
            return
        if leaf and not isinstance(module, nn.Identity):
            self._made[id(value)] = (name, value)
        if value.requires_grad:
            value.register_hook(partial(_note, self.deltas, name))

    def _enter(self, name: str, module: nn.Module, value: Tensor | None) -> None:
        self.order.append(name)
        if isinstance(module, nn.Linear | _ConvNd):
            self._units_last = isinstance(module, nn.Linear)
        if value is None:
            return
        if (source := self.maker(value)) is not None:
            self.came_from.setdefault(name, source)
        if isinstance(module, NORMALIZES):
            self.entered.setdefault(name, value)
        if isinstance(module, _BatchNorm) and value.dim() > 1:
            over = [0, *range(2, value.dim())]
            if module.training and value.numel() == value.shape[1]:
                raise OneValue(name)
            variance, mean = torch.var_mean(value.detach(), over, correction=0)
            self.statistics.setdefault(name, []).append((mean, variance))

    def maker(self, value: object) -> str | None:
        """The module whose very output a tensor is, or is a view of."""
        for each in (value, value._base) if isinstance(value, Tensor) else ():
            if id(each) in self._made:
                return self._made[id(each)][0]
        return None

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "").rstrip("_")
        taken = args[0] if args else kwargs.get("input")
        if not isinstance(taken, Tensor):
            return func(*args, **kwargs)
        if name in _DROPS and _does_drop(args, kwargs):
            self.drops.append((len(self.order), self._stack[-1]))
            if not self._drop:
                return taken
        source, version = self.maker(taken), taken._version
        made = func(*args, **kwargs)
        if made is taken and taken._version != version:
            self.wrote |= func in CAN_WRITE
            self._made.pop(id(taken), None)  # written over: no longer what the module made
        if name in _ACTIVATES:
            self.activations.append(self._activation(name, source, taken, made))
        elif name in _MULTIPLIES:
            self._multiplied(taken, args[1] if len(args) > 1 else kwargs.get("other"))
        return made

    def _activation(self, kind: str, source: str | None, taken: Tensor, made: Tensor) -> Activation:
        owner = self._stack[-1]
        itself = next(self._modules[owner].children(), None) is None
        place = "its" if itself else f"the {kind} on its output:" if source else f"a {kind} that it calls:"
        dead, units = _dead(made.detach(), self._units_last) if kind in RELUS else (0, 0)
        flat = 0.0
        if kind in SQUASHES:
            middle = 0.5 if kind == "sigmoid" else 0.0
            flat = float(((made.detach() - middle).abs() > SQUASHES[kind]).float().mean())
        return Activation(kind, owner if itself else source or owner, place, source, taken, made, dead, units, flat)

    def _multiplied(self, one: object, other: object) -> None:
        for gate, value in ((one, other), (other, one)):
            if not isinstance(gate, Tensor) or not isinstance(value, Tensor) or value.dim() == 0:
                continue
            for each in self.activations:
                if is_part_of(gate, each.made) and not is_part_of(value, each.taken):
                    each.gates = True


def is_part_of(value: Tensor, whole: Tensor) -> bool:
    """Whether it is the very tensor, or a view of it."""
    return value is whole or value._base is whole


def _note(deltas: dict[str, float], name: str, gradient: Tensor) -> None:
    deltas.setdefault(name, norm(gradient))


def norm(values: Tensor) -> float:
    """L2 norm; its square may be smaller or larger than float32 can hold."""
    largest = float(values.abs().max()) if values.numel() else 0.0
    if largest == 0 or not math.isfinite(largest):
        return largest
    return largest * float((values / largest).norm())


def _does_drop(args: Any, kwargs: Any) -> bool:
    """By the signature that all have: input, p, training."""
    given = {**dict(zip(("input", "p", "training"), args, strict=False)), **kwargs}
    return bool(given.get("p", 0.5) > 0 and given.get("training", True))


def _dead(made: Tensor, units_last: bool) -> tuple[int, int]:
    """How many units are 0 throughout, of how many; none are asked where one has fewer than 8 values."""
    if made.dim() < 2 or made.numel() // made.shape[-1 if units_last else 1] < 8:
        return 0, 0
    units = made.movedim(-1 if units_last else 1, 0).flatten(1)  # (units, values)
    return int(torch.count_nonzero(units.amax(1) == 0)), len(units)
