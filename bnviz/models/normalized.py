"""Weight layers followed by a normalization of their own, for nets that have no place for one.

A layer keeps its class's name for `isinstance`, its own name in the net and the names of its parameters: it becomes a
subclass of what it was, with the normalization as its child.
"""

from __future__ import annotations

from math import nan
from typing import Any, cast

from torch import Tensor, nn


class _Normalized:
    """Mixed into a weight layer's class."""

    normalization: nn.Module

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the layer gives, normalized."""
        return self.normalization(super().forward(*args, **kwargs))  # type: ignore[misc]


class OverTokens(nn.Module):
    """A normalization of (n, C) over all but the last dimension of (n, ..., C): each token is a sample."""

    eps = nan
    """Unlike any other: torch's encoder layers take a shortcut past norms whose eps are equal."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        """(n, ..., C) -> the same."""
        flat: Tensor = self.inner(x.reshape(-1, x.shape[-1]))
        return flat.reshape(x.shape)


class Removed(nn.Identity):
    """In the place of a normalization that was removed."""

    eps = nan
    """As for `OverTokens`."""


KINDS: dict[type[nn.Module], type[nn.Module]] = {
    kind: cast(type[nn.Module], type(f"Normalized{kind.__name__}", (_Normalized, kind), {"__module__": __name__}))
    for kind in (
        nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d,
    )
}  # fmt: skip
"""The class with a normalization for each kind of layer that can have one."""
globals().update({kind.__name__: kind for kind in KINDS.values()})  # so that they can be pickled


def set_own_normalization(layer: nn.Module, normalization: nn.Module | None) -> None:
    """Let a layer of one of `KINDS` be followed by this normalization, or by none, in place."""
    plain = next((kind for kind, normalized in KINDS.items() if type(layer) in (kind, normalized)), None)
    if plain is None:
        raise ValueError(f"{type(layer).__name__} is none of {', '.join(kind.__name__ for kind in KINDS)}.")
    if normalization is None:
        layer.__class__ = plain
        layer._modules.pop("normalization", None)
    else:
        layer.__class__ = KINDS[plain]
        layer.add_module("normalization", normalization)
