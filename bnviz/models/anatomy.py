"""What of any module are its layers: modules with weights, in the order in which a forward pass first runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.utils import parametrize
from torch.utils._pytree import tree_leaves
from torch.utils.hooks import RemovableHandle

from bnviz.models.normalization import STACKED
from bnviz.models.normalized import KINDS

NORMALIZES = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.LocalResponseNorm, *STACKED)
"""Modules that normalize."""
DROPS = ("dropout", "attention_dropout")
"""Names by which attention and recurrent layers hold a rate of dropout of their own."""
_ACTIVATES = (nn.ReLU, nn.Sigmoid, nn.Tanh, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.ELU, nn.SELU, nn.Softplus, nn.ReLU6,
              nn.Hardtanh, nn.Hardswish, nn.Mish, nn.PReLU, nn.CELU)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layer:
    """A weight layer of somebody's model."""

    name: str
    """The module's own, such as `layer2.0.conv1`."""
    weights: tuple[str, ...]
    """Names of the parameters that are its W: those of two dimensions or more."""
    parameters: tuple[str, ...]
    """Names of all that belong to it: its own, and those outside of layers (gamma and beta, a scale) executed after
    it and before the next layer; those before the first layer belong to that."""
    normalization: str | None
    """The normalization module executed first after it, before the next layer."""
    activation: str | None
    """The activation module executed first after it, before the next layer; None where it is a mere function."""


@dataclass(frozen=True, slots=True)
class Anatomy:
    """The layers of a model, and what is left out, by name, with the reason."""

    layers: tuple[Layer, ...]
    left_out: Mapping[str, str]


See = Callable[[str, tuple[Any, ...], Any], None]
"""Is told a module's name, its arguments, and its output or, before its forward, None."""


@contextmanager
def observed(model: nn.Module, see: See) -> Iterator[None]:
    """`see` is told of each module's forward, before and after."""
    handles = [handle for name, module in model.named_modules() for handle in observe(name, module, see)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def observe(name: str, module: nn.Module, see: See) -> list[RemovableHandle]:
    """Hooks that tell `see` of a module's forward, before and after."""

    def before(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        see(name, (*args, *kwargs.values()), None)

    def after(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        see(name, (*args, *kwargs.values()), output)

    return [
        module.register_forward_pre_hook(before, with_kwargs=True),
        module.register_forward_hook(after, with_kwargs=True),
    ]


def named(model: nn.Module) -> dict[str, nn.Module]:
    """Modules by name; the model itself by that of its type, as a layer is called."""
    return {name or type(model).__name__: module for name, module in model.named_modules()}


def first_tensor(value: object) -> Tensor | None:
    """The first tensor in a tensor, tuple, list or dict; None without one."""
    return next((leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor)), None)


def anatomy(model: nn.Module, executed: Iterable[str]) -> Anatomy:
    """The layers of a model whose modules were executed in this order (names, the first time each)."""
    modules = dict(model.named_modules())
    owned = _owned(model)
    weights = weight_layers(model)
    order = _with_silent_children(list(dict.fromkeys(executed)), [*owned], modules)
    unused = {name: "the first forward pass did not use it" for name in weights if name not in order}
    places = [name for name in order if name in weights]
    if not places:
        return Anatomy((), unused)
    starts = [0, *(order.index(name) for name in places[1:])]
    layers = []
    for name, start, end in zip(places, starts, [*starts[1:], len(order)], strict=True):
        silent = [each for each in owned if each not in order] if name == places[-1] else []
        after = order[order.index(name) + 1 : end]
        layers.append(
            Layer(
                name or type(model).__name__,
                tuple(weights[name]),
                tuple(key for each in order[start:end] + silent for key in owned.get(each, ())),
                next((each for each in after if isinstance(modules[each], NORMALIZES)), None),
                next((each for each in after if isinstance(modules[each], _ACTIVATES)), None),
            )
        )
    return Anatomy(tuple(layers), unused)


def _owned(model: nn.Module) -> dict[str, list[str]]:
    """Names of parameters by the module that owns them; a parametrized weight's are of its layer. A shared parameter
    stands once, where it is found first."""
    owned: dict[str, list[str]] = {}
    for key, parameter in model.named_parameters():
        if parameter.is_floating_point():
            owner = key.split("parametrizations.")[0] if "parametrizations." in key else key[: key.rfind(".") + 1]
            owned.setdefault(owner.rstrip("."), []).append(key)
    return owned


def _weights(module: nn.Module, keys: Iterable[str], parameters: Mapping[str, nn.Parameter]) -> list[str]:
    """The W of a module, if it is a weight layer: not a normalization, nor what holds other layers itself."""
    if isinstance(module, (*NORMALIZES, nn.PReLU)):
        return []
    inner = any(True for child in module.children() for _ in child.parameters())
    alone = isinstance(module, (nn.MultiheadAttention, *KINDS)) or parametrize.is_parametrized(module)
    if inner and not alone:
        return []
    return [key for key in keys if parameters[key].dim() >= 2]


def weight_layers(model: nn.Module) -> dict[str, list[str]]:
    """Names of the weights of every module that is a weight layer, in the order of declaration."""
    modules, parameters = dict(model.named_modules()), dict(model.named_parameters())
    found = {name: _weights(modules[name], keys, parameters) for name, keys in _owned(model).items()}
    return {name: keys for name, keys in found.items() if keys}


def _with_silent_children(order: list[str], owners: Iterable[str], modules: Mapping[str, nn.Module]) -> list[str]:
    """The order with those modules put after their parent that it uses without calling them (attention's out_proj)."""
    for name in owners:
        parent = name.rpartition(".")[0]
        if name not in order and parent in order and isinstance(modules[parent], nn.MultiheadAttention):
            order.insert(order.index(parent) + 1, name)
    return order
