"""The normalizations that a network's layers may have, and the noise that can follow them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, cast, get_args

import torch
from torch import Tensor, nn

from bnviz.config import Normalization

NAMES: tuple[str, ...] = get_args(Normalization)
EPS = 1e-5
"""Added to the variance (or to the p-norm average) so that nothing is divided by zero."""


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
        away = (x - _per_channel(mean, x)).abs()
        return mean, away.mean(dims) if self.p == "1" else away.amax(dims)

    def scaled(self, x: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
        """Normalize with these statistics (kC,), then apply gamma and beta, repeated k times."""
        repeats = len(mean) // len(self.weight)
        gain = self.weight.repeat(repeats) / (scale + self.eps)
        centred = x - _per_channel(mean, x)
        return centred * _per_channel(gain, x) + _per_channel(self.bias.repeat(repeats), x)

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


class MapRMSNorm(nn.Module):
    """RMSNorm of feature maps (n, C, H, W): over channels, height and width, with one gain a channel."""

    def __init__(self, channels: int, eps: float = EPS) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Divide each sample by its root mean square."""
        scale = (x.square().mean((1, 2, 3), keepdim=True) + self.eps).rsqrt()
        return x * scale * _per_channel(self.weight, x)


class UnitNoise(nn.Module):
    """Noise on every unit whose distribution changes from step to step (Santurkar et al. 2018, A.2.1).

    Each training forward draws, for each unit, mu ~ U(-0.5, 0.5) and sigma ~ U(1, 1.25), then for each sample
    m ~ U(mu - 0.1, mu + 0.1) and s ~ N(sigma, 0.1): a <- s * a + m. A map gets one s and m per sample and
    channel. The draws come from the layer's own generator, so the global random state is never touched. Eval
    mode: no noise.
    """

    def __init__(self, channels: int, seed: int = 0) -> None:
        super().__init__()
        self.channels = channels
        self.generator = torch.Generator().manual_seed(seed)
        self.frozen = False
        self._last: tuple[Tensor, Tensor] | None = None

    def draw(self, samples: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """A fresh scale s and shift m, (n, C) each."""
        units = torch.rand(2, 1, self.channels, generator=generator)
        mu, sigma = units[0] - 0.5, 1 + 0.25 * units[1]
        shift = mu + 0.2 * (torch.rand(samples, self.channels, generator=generator) - 0.5)
        scale = sigma + 0.1 * torch.randn(samples, self.channels, generator=generator)
        return scale, shift

    def held(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and shift (n, C) of the last training forward, without advancing the generator.

        Where that forward had another number of samples, or there was none: what the next draw would give.
        """
        if self._last is None or len(self._last[0]) != len(x):
            scale, shift = self.draw(len(x), self.generator.clone_state())
        else:
            scale, shift = self._last
        return scale.to(x), shift.to(x)

    def forward(self, x: Tensor) -> Tensor:
        """Add noise to (n, C) or (n, C, H, W) in train mode."""
        if not self.training:
            return x
        if not self.frozen:
            self._last = self.draw(len(x), self.generator)
        scale, shift = (noise.reshape(*noise.shape, *[1] * (x.dim() - 2)) for noise in self.held(x))
        return scale * x + shift

    def __deepcopy__(self, memo: dict[int, object]) -> UnitNoise:
        twin = UnitNoise(self.channels)
        twin.generator = self.generator.clone_state()
        twin.frozen, twin._last = self.frozen, copy.copy(self._last)
        return twin.train(self.training)

    def extra_repr(self) -> str:
        """What `print` shows."""
        return str(self.channels)


BATCH_LAYERS = (nn.BatchNorm1d, nn.BatchNorm2d, PNormBatchNorm)
NORMALIZATION_LAYERS = (*BATCH_LAYERS, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, MapRMSNorm)


@contextmanager
def frozen_noise(model: nn.Module) -> Iterator[None]:
    """Every `UnitNoise` in the model repeats the noise of its last training forward while this is open."""
    noises = [module for module in model.modules() if isinstance(module, UnitNoise)]
    before = [noise.frozen for noise in noises]
    try:
        for noise in noises:
            noise.frozen = True
        yield
    finally:
        for noise, frozen in zip(noises, before, strict=True):
            noise.frozen = frozen


def normalization_layer(
    name: Normalization, channels: int, *, conv: bool = False, groups: int = 8, momentum: float = 0.1
) -> nn.Module | None:
    """The module that normalizes (n, C), or maps (n, C, H, W) if `conv`; None for `none` and `weight`.

    `weight` has no module of its own: it reparametrizes the weight layer (`bnviz.models`). Of maps, batch
    kinds take statistics over batch, height and width; `layer` and `rms` over channels, height and width of
    each sample, with one gain a channel (GroupNorm with one group), so that they do not depend on the size of
    the map.

    Errors: ValueError for an unknown name, and for groups that do not divide the channels.
    """
    if name not in NAMES:
        raise ValueError(f"Unknown normalization {name!r}. Choose one of {', '.join(NAMES)}.")
    if name in ("none", "weight"):
        return None
    if name == "group" and channels % groups:
        raise ValueError(f"groups must divide the {channels} channels, got {groups}.")
    if name == "batch":
        return (nn.BatchNorm2d if conv else nn.BatchNorm1d)(channels, EPS, momentum)
    if name in ("batch_l1", "batch_linf"):
        return PNormBatchNorm(channels, cast(Literal["1", "inf"], name.removeprefix("batch_l")), momentum)
    if name == "rms":
        return MapRMSNorm(channels) if conv else nn.RMSNorm(channels, EPS)
    if name == "layer" and not conv:
        return nn.LayerNorm(channels, EPS)
    return nn.GroupNorm(groups if name == "group" else 1, channels, EPS)


def remove_weight_norm(layer: nn.Module) -> None:
    """Make the effective weight of a parametrized layer its own parameter again, in place.

    `torch.nn.utils.parametrize.remove_parametrizations` would also break every deep copy of the layer: copies
    share the class that it strips.
    """
    weight, bias = layer.weight, layer._parameters.pop("bias", None)
    assert isinstance(weight, Tensor)
    layer.__class__ = type(layer).__bases__[0]
    del layer.parametrizations
    layer.weight = nn.Parameter(weight.detach().clone())
    layer.register_parameter("bias", bias)


def _per_channel(values: Tensor, like: Tensor) -> Tensor:
    """(C,) shaped to broadcast over (n, C, ...)."""
    return values.reshape(-1, *[1] * (like.dim() - 2))
