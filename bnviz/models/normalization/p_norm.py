"""BatchNorm that divides by another average than the standard deviation (Santurkar et al. 2018, section 3.3)."""

from __future__ import annotations

from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from bnviz.models.normalization.shapes import EPS, per_channel, units_stacked


class PNormBatchNorm(nn.Module):
    """BatchNorm that divides by the p-norm average, not the standard deviation, (n, C) or (n, C, H, W).

    Santurkar et al. 2018, section 3.3: the mean of each unit over the batch is removed, then the unit is
    divided by (mean |x - mean|^p)^(1/p); for p = inf by max |x - mean|. Eval mode uses running averages of
    both.
    """

    running_mean: Tensor
    running_scale: Tensor

    def __init__(self, channels: int, p: Literal["1", "inf"], momentum: float = 0.1, eps: float = EPS) -> None:
        super().__init__()
        self.p, self.momentum, self.eps = p, momentum, eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_scale", torch.ones(channels))

    def batch_statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and p-norm average of each channel over the batch (and map): two tensors (C,)."""
        dims = (0, *range(2, x.dim()))
        mean = x.mean(dims)
        away = (x - per_channel(mean, x)).abs()
        return mean, away.mean(dims) if self.p == "1" else away.amax(dims)

    def scaled(self, x: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
        """Normalize with these statistics (kC,), then apply gamma and beta, repeated k times."""
        repeats = len(mean) // len(self.weight)
        gain = self.weight.repeat(repeats) / (scale + self.eps)
        centred = x - per_channel(mean, x)
        return centred * per_channel(gain, x) + per_channel(self.bias.repeat(repeats), x)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize with the batch's own statistics in train mode, with the running ones in eval mode."""
        if not self.training:
            return self.scaled(x, self.running_mean, self.running_scale)
        mean, scale = self.batch_statistics(x)
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_scale.lerp_(scale, self.momentum)
        return self.scaled(x, mean, scale)

    def extra_repr(self) -> str:
        """What `print` shows."""
        return f"{len(self.weight)}, p={self.p}, momentum={self.momentum}"


def make(name: str, channels: int, *, momentum: float, **_: Any) -> nn.Module:
    """The module for (n, C) and for maps alike."""
    return PNormBatchNorm(channels, cast(Literal["1", "inf"], name.removeprefix("batch_l")), momentum)


@units_stacked
def _stacked(module: PNormBatchNorm, columns: Tensor, runs: int) -> Tensor:
    return module.scaled(columns, *module.batch_statistics(columns))


MODULES = {PNormBatchNorm: _stacked}
