"""A normalization taken apart: which values are normalized together, with what statistics, and what that does to the
gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from bnviz.closeup import MOST, Normalizing
from bnviz.frames import Floats
from bnviz.models.normalization.p_norm import PNormBatchNorm
from bnviz.models.normalization.per_sample import MapRMSNorm
from bnviz.models.normalization.shapes import per_channel


class _Kind(NamedTuple):
    over: Literal["batch", "sample"]
    centred: bool
    scale: Callable[[Any, Tensor], Tensor]
    """From rows without their mean, (R, k), what they are divided by, (R, 1), eps included."""


def _root(module: Any, rows: Tensor) -> Tensor:
    scale: Tensor = (rows.square().mean(1, keepdim=True) + module.eps).sqrt()
    return scale


def _p_norm(module: Any, rows: Tensor) -> Tensor:
    sizes = rows.abs()
    average = sizes.mean(1, keepdim=True) if module.p == "1" else sizes.amax(1, keepdim=True)
    scale: Tensor = average + module.eps
    return scale


_KINDS: dict[type[nn.Module], _Kind] = {
    nn.BatchNorm1d: _Kind("batch", True, _root),
    nn.BatchNorm2d: _Kind("batch", True, _root),
    PNormBatchNorm: _Kind("batch", True, _p_norm),
    nn.LayerNorm: _Kind("sample", True, _root),
    nn.GroupNorm: _Kind("sample", True, _root),
    nn.RMSNorm: _Kind("sample", False, _root),
    MapRMSNorm: _Kind("sample", False, _root),
}


class TakenApart(NamedTuple):
    """What a normalization did, as far as it is about one value."""

    normalizing: Normalizing
    xhat: Tensor
    """Of all values, of the shape of z."""


def taken_apart(module: nn.Module | None, z: Tensor, place: tuple[int, ...], gradient_y: Tensor,
                gradient_z: Tensor) -> TakenApart | None:  # fmt: skip
    """The values that the one at `place` of z, (n, C, ...), was normalized with; None if how is not known.

    Of BatchNorm (Ioffe & Szegedy 2015, section 3): dL/dz = (g - mean(g) - x̂ mean(g x̂)) / scale, with
    g = gamma dL/dy; what g has along (1, ..., 1) and along x̂ is taken out. gradient_z is what autograd found.
    """
    kind = _KINDS.get(type(module)) if module is not None else None
    if kind is None:
        return None
    rows_of, back = _layout(kind, module, z.shape)
    gamma = getattr(module, "weight", None)
    g = gradient_y if gamma is None else gradient_y * per_channel(gamma.detach(), gradient_y)
    z_rows = rows_of(z)
    mean = z_rows.mean(1, keepdim=True) if kind.centred else torch.zeros_like(z_rows[:, :1])
    scale = kind.scale(module, z_rows - mean)
    xhat = (z_rows - mean) / scale
    numbers = torch.arange(z.numel(), device=z.device).reshape(z.shape)
    row, column = (int(each) for each in (rows_of(numbers) == numbers[place]).nonzero()[0])
    given, after = rows_of(g)[row], rows_of(gradient_z)[row]
    before = given / scale[row]
    chosen, where = thinned(len(given), column)
    z_seen, xhat_seen, given_seen, before_seen, after_seen = (
        numpy(each)[chosen] for each in (z_rows[row], xhat[row], given, before, after)
    )
    directions = (torch.ones_like(given), xhat[row])
    along = [[float(v @ d / d.norm().clamp_min(1e-300)) for v in (before, after)] for d in directions]
    found = Normalizing(
        kind.over, len(given), where, float(mean[row]), float(scale[row]), float(getattr(module, "eps", 0.0) or 0.0),
        kind.centred, z_seen, xhat_seen, given_seen, before_seen, after_seen,
        norms=numpy(torch.stack([before.norm(), after.norm()])), along=numpy(torch.tensor(along, dtype=torch.float64)),
    )  # fmt: skip
    return TakenApart(found, back(xhat))


def _layout(kind: _Kind, module: Any, shape: torch.Size) -> tuple[Callable[[Tensor], Tensor], ...]:
    """What lays values out with a row for each that share statistics, and what puts them back."""
    n, channels, *rest = shape
    if kind.over == "batch":
        return (
            lambda values: values.transpose(0, 1).reshape(channels, -1),
            lambda rows: rows.reshape(channels, n, *rest).transpose(0, 1),
        )
    groups = n * getattr(module, "num_groups", 1)
    return lambda values: values.reshape(groups, -1), lambda rows: rows.reshape(shape)


def thinned(count: int, kept: int) -> tuple[list[int], int]:
    """Places of at most `MOST` of `count` values, evenly spread, with the one to keep, and where that stands."""
    chosen = sorted({*range(0, count, -(-count // (MOST - 1))), kept})
    return chosen, chosen.index(kept)


def numpy(tensor: Tensor) -> Floats:
    """As float64."""
    found: Floats = tensor.detach().cpu().double().numpy()
    return found
