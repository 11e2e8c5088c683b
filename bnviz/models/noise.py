"""Noise that may follow a normalization, and holding it still."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


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
