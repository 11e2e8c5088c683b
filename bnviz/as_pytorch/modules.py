"""The lines of each normalization and of noise, as `bnviz.models` has them."""

from __future__ import annotations

from bnviz.config import Arm, RunConfig

EPS = 1e-5
NOISE = '''
class UnitNoise(nn.Module):
    """Noise on every unit, of another distribution at each step (Santurkar et al. 2018, A.2.1)."""

    def __init__(self, seed):
        super().__init__()
        self.generator = torch.Generator().manual_seed(seed)

    def forward(self, x):
        if not self.training:
            return x
        units = torch.rand(2, 1, WIDTH, generator=self.generator)
        mu, sigma = units[0] - 0.5, 1 + 0.25 * units[1]
        shift = mu + 0.2 * (torch.rand(len(x), WIDTH, generator=self.generator) - 0.5)
        scale = sigma + 0.1 * torch.randn(len(x), WIDTH, generator=self.generator)
        shape = (len(x), WIDTH) + (1,) * (x.dim() - 2)
        return scale.reshape(shape) * x + shift.reshape(shape)
'''
P_NORM = '''
class PNormBatchNorm(nn.Module):
    """BatchNorm that divides by the average of |x - mean| (p = 1), or by its maximum (Santurkar et al. 2018, 3.3)."""

    def __init__(self, p, momentum):
        super().__init__()
        self.p, self.momentum = p, momentum
        self.weight, self.bias = nn.Parameter(torch.ones(WIDTH)), nn.Parameter(torch.zeros(WIDTH))
        self.register_buffer("running_mean", torch.zeros(WIDTH))
        self.register_buffer("running_scale", torch.ones(WIDTH))

    def forward(self, x):
        each = lambda values: values.reshape(-1, *[1] * (x.dim() - 2))
        mean, scale = self.running_mean, self.running_scale
        if self.training:
            dims = (0, *range(2, x.dim()))
            mean = x.mean(dims)
            away = (x - each(mean)).abs()
            scale = away.mean(dims) if self.p == 1 else away.amax(dims)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_scale.lerp_(scale, self.momentum)
        return (x - each(mean)) * each(self.weight / (scale + 1e-5)) + each(self.bias)
'''
MAP_RMS = '''
class MapRMSNorm(nn.Module):
    """RMSNorm of feature maps: over channels and places, with one gain a channel."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x):
        scale = (x.square().mean((1, 2, 3), keepdim=True) + 1e-5).rsqrt()
        return x * scale * self.weight.reshape(-1, 1, 1)
'''
CLASSES = {"UnitNoise": NOISE, "PNormBatchNorm": P_NORM, "MapRMSNorm": MAP_RMS}
"""What torch does not have, by name."""


def normalization(config: RunConfig, arm: Arm) -> str:
    """What follows weight layer i: a normalization, noise, both or nothing, as the inside of a list.

    Errors: ValueError for a normalization that is not written out here.
    """
    conv, momentum = config.model == "cnn", config.bn_momentum
    known = {
        "none": "",
        "weight": "",
        "batch": f"nn.BatchNorm{2 if conv else 1}d(WIDTH, momentum={momentum})",
        "layer": "nn.GroupNorm(1, WIDTH)" if conv else "nn.LayerNorm(WIDTH)",
        "group": f"nn.GroupNorm({config.groups}, WIDTH)",
        "rms": "MapRMSNorm()" if conv else f"nn.RMSNorm(WIDTH, {EPS})",
        "batch_l1": f"PNormBatchNorm(1, {momentum})",
        "batch_linf": f'PNormBatchNorm("inf", {momentum})',
    }
    if arm.normalization not in known:
        raise ValueError(f"There is no script with {arm.kind.title}.")
    noise = "UnitNoise(SEED + 1_000_003 * (i + 1))" if arm.noise else ""
    return ", ".join(filter(None, (known[arm.normalization], noise)))
