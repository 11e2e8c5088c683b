"""The normalizations, each declared once: its title, its traits, and the file that makes its modules."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Normalization:
    """What stands between a weight layer and its activation, as the rest of bnviz needs to know it."""

    title: str
    """As people call it."""

    file: str | None = None
    """Module of `bnviz.models.normalization` with its torch modules, imported where torch is; None: it has none."""

    over_batch: bool = False
    """Whether it takes statistics over the batch: one sample has none, and a bias before it would do nothing."""

    running_statistics: bool = False
    """Whether it keeps running averages of these for eval mode."""

    of_weights: bool = False
    """Whether it reparametrizes the weight layer rather than following it."""

    stacked: bool = True
    """Whether ICS can send many runs through it at once; if not, it is as exact and several times slower."""


NORMALIZATIONS = {
    "none": Normalization("no normalization"),
    "batch": Normalization("BatchNorm", "batch", over_batch=True, running_statistics=True),
    "layer": Normalization("LayerNorm", "per_sample"),
    "group": Normalization("GroupNorm", "per_sample"),
    "rms": Normalization("RMSNorm", "per_sample"),
    "weight": Normalization("WeightNorm", of_weights=True),
    "batch_l1": Normalization("BatchNorm, L1", "p_norm", over_batch=True, running_statistics=True),
    "batch_linf": Normalization("BatchNorm, L∞", "p_norm", over_batch=True, running_statistics=True),
}

AS_IS = "as_is"
"""In the place of a normalization: whatever somebody's own model has."""
