"""What becomes of each layer's output in one forward pass: an activation, a gate, a sum, the net's own output."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

_ACTIVATIONS = {
    name + in_place
    for name in (
        "relu", "leaky_relu", "prelu", "rrelu", "relu6", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus",
        "sigmoid", "tanh", "hardtanh", "hardswish", "hardsigmoid", "softsign", "logsigmoid",
    )
    for in_place in ("", "_")
}  # fmt: skip
_SQUASHES = {"sigmoid", "sigmoid_", "tanh", "tanh_", "hardsigmoid", "hardsigmoid_"}
_PRODUCTS = {"mul", "mul_", "__mul__", "__rmul__", "__imul__", "multiply"}


@dataclass
class Uses:
    """Of one layer."""

    calls: int = 0
    shape: tuple[int, ...] = ()
    """Of what left it last."""
    activated: bool = False
    """Its output reaches an activation before another layer."""
    gates: bool = False
    """Its output, squashed, is multiplied with something else."""
    leaves: bool = False
    """Its output reaches the net's own output without another layer."""
    enters: str | None = None
    """The normalization that takes its very output."""


@dataclass
class _Flow:
    """What one tensor comes from, as far as the last layers."""

    tensor: Tensor  # kept, so that its id stays its own
    raw: frozenset[str] = frozenset()  # layers without an activation since
    squashed: frozenset[str] = frozenset()  # layers with a sigmoid or tanh since, and nothing else
    any: frozenset[str] = frozenset()  # layers, whatever came since
    left: str | None = None  # the layer whose very output it is


@dataclass
class _Watcher(TorchFunctionMode):
    uses: dict[str, Uses] = field(default_factory=dict)
    flows: dict[int, _Flow] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run the function, and note where what it gives comes from."""
        entering = [self.flows[id(each)] for each in tree_leaves((args, kwargs or {})) if id(each) in self.flows]
        result = func(*args, **(kwargs or {}))
        if entering:
            self._note(getattr(func, "__name__", ""), entering, result)
        return result

    def _note(self, name: str, entering: list[_Flow], result: Any) -> None:
        raw, squashed, reach = (
            frozenset().union(*(getattr(each, kind) for each in entering)) for kind in ("raw", "squashed", "any")
        )
        if name in _ACTIVATIONS:
            for layer in raw:
                self.uses[layer].activated = True
            raw, squashed = frozenset(), raw if name in _SQUASHES else frozenset()
        elif name in _PRODUCTS and len(entering) == 2:
            for one, other in (entering, entering[::-1]):
                for layer in one.squashed - other.raw:  # x * sigmoid(x) is an activation, SiLU
                    self.uses[layer].gates = True
            squashed = frozenset()
        elif name not in ("reshape", "view", "__getitem__", "flatten", "unsqueeze", "squeeze", "expand"):
            squashed = frozenset()
        self.put(result, lambda tensor: _Flow(tensor, raw, squashed, reach))

    def put(self, result: Any, flow: Callable[[Tensor], _Flow]) -> None:
        """Note where the tensors in a result come from."""
        for each in tree_leaves(result):
            if isinstance(each, Tensor):
                self.flows[id(each)] = flow(each)

    def left(self, name: str, output: Any) -> None:
        """A layer has given this."""
        use, origin = self.uses[name], frozenset([name])
        use.calls += 1
        for each in tree_leaves(output):
            if isinstance(each, Tensor):
                use.shape = tuple(each.shape)
                self.flows[id(each)] = _Flow(each, origin, frozenset(), origin, name)


def uses_of(
    model: nn.Module, layers: Iterable[str], normalizations: Iterable[str], run: Callable[[nn.Module], Any]
) -> dict[str, Uses]:
    """What one forward pass makes of these layers' outputs, by the layers' names.

    run: sends a batch through the model it is given, and returns what comes out. Buffers that the pass moves are put
    back, and so is the random state.
    """
    watcher = _Watcher(uses={name: Uses() for name in layers})
    buffers = [(each, each.clone()) for each in model.buffers()]
    handles = [
        model.get_submodule(name).register_forward_hook(
            lambda module, args, output, name=name: watcher.left(name, output)
        )
        for name in watcher.uses
    ]
    handles += [
        model.get_submodule(name).register_forward_pre_hook(partial(_entered, watcher, name)) for name in normalizations
    ]
    try:
        with torch.random.fork_rng(), torch.no_grad(), watcher:
            output = run(model)
    finally:
        for handle in handles:
            handle.remove()
        with torch.no_grad():
            for each, before in buffers:
                each.copy_(before)
    for each in tree_leaves(output):
        for name in watcher.flows[id(each)].any if id(each) in watcher.flows else ():
            watcher.uses[name].leaves = True
    return watcher.uses


def _entered(watcher: _Watcher, normalization: str, module: nn.Module, args: tuple[Any, ...]) -> None:
    for each in args[:1]:
        flow = watcher.flows.get(id(each))
        if flow is not None and flow.left is not None:
            watcher.uses[flow.left].enters = normalization
