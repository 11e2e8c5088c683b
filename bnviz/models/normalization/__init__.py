"""The modules of the normalizations that `bnviz.config` declares, each kind in the file that its declaration names."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from torch import nn

from bnviz.config import NORMALIZATIONS
from bnviz.models.normalization.shapes import Stacked

_FILES: dict[str, Any] = {
    name: import_module(f"{__name__}.{kind.file}") for name, kind in NORMALIZATIONS.items() if kind.file
}
STACKED: dict[type[nn.Module], Stacked] = {
    module: how for file in _FILES.values() for module, how in file.MODULES.items()
}
"""Every module that normalizes, and how runs pass it stacked."""


def normalization_layer(
    name: str, channels: int, *, conv: bool = False, groups: int = 8, momentum: float = 0.1
) -> nn.Module | None:
    """The module that normalizes (n, C), or maps (n, C, H, W) if `conv`; None where the kind has none of its own.

    Errors: ValueError for an unknown name, and for groups that do not divide the channels.
    """
    if name not in NORMALIZATIONS:
        raise ValueError(f"Unknown normalization {name!r}. Choose one of {', '.join(NORMALIZATIONS)}.")
    if name not in _FILES:
        return None
    module: nn.Module = _FILES[name].make(name, channels, conv=conv, groups=groups, momentum=momentum)
    return module


def normalizes(module: nn.Module) -> bool:
    """Whether the module is a normalization."""
    return isinstance(module, tuple(STACKED))
