"""What a law is, and the small nets on which exact laws are measured: float64, eps next to 0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from bnviz.config import Activation
from bnviz.models import make_cnn, make_mlp, weight_layer

IOFFE, SANTURKAR = "Ioffe & Szegedy 2015, ", "Santurkar et al. 2018, "
TINY = 1e-300
"""In place of eps, where a law is exact without it."""
ROUNDING = 1e-11
"""What float64 may leave of a zero, in sums of some hundred numbers of size 1."""
B, C = 16, 6


class Outcome(NamedTuple):
    """What came out of measuring a law."""

    measured: str
    passed: bool


@dataclass(frozen=True)
class Law:
    """Something that must hold whatever the machine, and a way to see whether it does."""

    number: int
    law: str
    source: str
    expected: str
    """With the tolerance, and the conditions where they matter."""
    measure: Callable[[], Outcome]


def law(number: int, source: str, expected: str) -> Callable[[Callable[[], Outcome]], Law]:
    """Make a law of the function that measures it; the function's docstring states the law."""

    def made(measure: Callable[[], Outcome]) -> Law:
        statement = " ".join((measure.__doc__ or "").split()).removesuffix(".")
        return Law(number, statement, source, expected, measure)

    return made


def at_most(error: float, bound: float) -> Outcome:
    """Holds where a number that should be 0 is within its bound; NaN is not."""
    return Outcome(f"{error:.1e}", error <= bound)


def largest(*values: Tensor) -> float:
    """The largest absolute value in these tensors; NaN where one is."""
    return float(torch.stack([value.detach().abs().max() for value in values]).max())


def data(*shape: int) -> Tensor:
    """Samples with a mean that is not 0."""
    return 3 + 2 * torch.randn(*shape, dtype=torch.float64)


def small_net(
    normalization: str,
    activation: Activation = "tanh",
    eps: float = TINY,
    *,
    conv: bool = False,
) -> nn.Sequential:
    """A net of the app's own builders, (n, 4) or (n, 2, 8, 8) -> (n, 3), in float64 and with this eps."""
    if conv:
        net = make_cnn((2, 8, 8), C, 3, 3, activation, normalization, groups=2).double()
    else:
        net = make_mlp(4, C, 3, 3, activation, normalization, groups=2).double()
    for module in net.modules():
        if hasattr(module, "eps"):
            module.eps = eps  # type: ignore[assignment]
    return net


def hidden_weights(net: nn.Sequential) -> list[Tensor]:
    """The weight of each hidden layer; of weight norm, the direction."""
    layers = [cast(Any, weight_layer(child)) for child in list(net)[:-1]]
    return [
        layer.parametrizations.weight.original1 if hasattr(layer, "parametrizations") else layer.weight
        for layer in layers
    ]
