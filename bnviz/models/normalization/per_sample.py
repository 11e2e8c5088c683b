"""Normalizations with statistics of each sample alone: LayerNorm, GroupNorm, RMSNorm."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from bnviz.models.normalization.shapes import EPS, per_channel, samples_stacked


class MapRMSNorm(nn.Module):
    """RMSNorm of feature maps (n, C, ...): over channels and places, with one gain a channel."""

    def __init__(self, channels: int, eps: float = EPS) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Divide each sample by its root mean square."""
        scale = (x.square().mean((*range(1, x.dim()),), keepdim=True) + self.eps).rsqrt()
        return x * scale * per_channel(self.weight, x)


def make(name: str, channels: int, *, conv: bool, groups: int, **_: Any) -> nn.Module:
    """The module; statistics of a map are over channels, height and width, with one gain a channel.

    So they do not depend on the size of the map (LayerNorm of a map is GroupNorm with one group).
    Errors: ValueError for groups that do not divide the channels.
    """
    if name == "group" and channels % groups:
        raise ValueError(f"groups must divide the {channels} channels, got {groups}.")
    if name == "rms":
        return MapRMSNorm(channels) if conv else nn.RMSNorm(channels, EPS)
    if name == "layer" and not conv:
        return nn.LayerNorm(channels, EPS)
    return nn.GroupNorm(groups if name == "group" else 1, channels, EPS)


MODULES = dict.fromkeys((nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, MapRMSNorm), samples_stacked)
