"""BatchNorm (Ioffe & Szegedy 2015), as torch has it."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from bnviz.models.normalization.shapes import EPS, units_stacked


def make(name: str, channels: int, *, conv: bool, momentum: float, **_: Any) -> nn.Module:
    """The module; statistics of maps are over batch, height and width."""
    return (nn.BatchNorm2d if conv else nn.BatchNorm1d)(channels, EPS, momentum)


@units_stacked
def _stacked(module: nn.BatchNorm1d | nn.BatchNorm2d, columns: Tensor, runs: int) -> Tensor:
    gamma, beta = (None if each is None else each.detach().repeat(runs) for each in (module.weight, module.bias))
    return F.batch_norm(columns, None, None, gamma, beta, training=True, eps=module.eps)


MODULES = {nn.BatchNorm1d: _stacked, nn.BatchNorm2d: _stacked}
