"""The batches that a model is linted with: one pair, or the first of many."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves
from torch.utils.data import DataLoader

from bnviz.models.anatomy import first_tensor
from bnviz.models.copies import told

MOST = 20
"""Batches that are looked at."""
Sample = tuple[Any, Tensor] | Iterable[Any]


@dataclass(frozen=True, slots=True)
class Given:
    """What was given to lint with."""

    x: Any
    y: Tensor
    xs: tuple[Any, ...] = ()
    """The inputs of all batches as large as the first one, that included; empty where one pair was given."""
    last: int | None = None
    """How many samples the last batch of an epoch has, where that is known."""

    @property
    def n(self) -> int:
        """Samples in the batch."""
        return size(self.x)


def size(x: object) -> int:
    """Samples in an input: the length of its first tensor."""
    found = first_tensor(x)
    return len(found) if found is not None and found.dim() else 0


def shape(value: object) -> str:
    """The shapes of the tensors in a value, in words."""
    return ", ".join(str(tuple(leaf.shape)) for leaf in tree_leaves(value) if isinstance(leaf, Tensor)) or "no tensor"


def take(sample: Sample) -> Given:
    """The pair, or the first pairs of an iterable: no more than `MOST` are asked for, as it may be endless.

    Errors: ValueError, in one sentence, for what is no pair, and for a batch that is empty or not finite.
    """
    given = Given(*sample) if isinstance(sample, tuple | list) and _is_pair(sample) else _first_of(sample)
    _check(given)
    return given


def _is_pair(value: object) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and isinstance(value[1], Tensor)


def _first_of(sample: Sample) -> Given:
    allowed = "sample_batch must be a pair of tensors, x and y, or an iterable of such pairs, such as a DataLoader"
    if isinstance(sample, Tensor | str | dict) or not isinstance(sample, Iterable):
        raise ValueError(f"{allowed}; got {type(sample).__name__}.")
    try:
        pairs = [*islice(iter(sample), MOST)]
    except Exception as error:
        raise ValueError(f"sample_batch raised {told(error)} when it was asked for a batch.") from error
    if not pairs:
        raise ValueError("sample_batch gave no batch: it must give at least one pair, x and y.")
    if wrong := [each for each in pairs if not _is_pair(each)]:
        raise ValueError(f"{allowed}; it gave {type(wrong[0]).__name__} ({shape(wrong[0])}).")
    n = size(pairs[0][0])
    alike = tuple(x for x, _ in pairs if size(x) == n)
    x, y = pairs[0]
    return Given(x, y, alike, _last_of(sample, [size(x) for x, _ in pairs]))


def _last_of(sample: Iterable[Any], seen: list[int]) -> int | None:
    """The size of the last batch, without going there."""
    if isinstance(sample, DataLoader) and sample.batch_size and isinstance(sample.sampler, Sized):
        rest = len(sample.sampler) % sample.batch_size
        return rest if rest and not sample.drop_last else min(sample.batch_size, len(sample.sampler))
    if isinstance(sample, list | tuple):
        return size(sample[-1][0]) if _is_pair(sample[-1]) else None
    return seen[-1] if len(seen) < MOST else None


def _check(given: Given) -> None:
    if first_tensor(given.x) is None:
        raise ValueError(f"sample_batch must be a pair of tensors, x and y; x is {type(given.x).__name__}.")
    if not given.n or not given.y.numel():
        raise ValueError(f"The batch is empty: x has shape {shape(given.x)}, y {shape(given.y)}.")
    for name, value in (("x", given.x), ("y", given.y)):
        for leaf in tree_leaves(value):
            if isinstance(leaf, Tensor) and leaf.is_floating_point() and not bool(torch.isfinite(leaf).all()):
                bad = int(torch.count_nonzero(~torch.isfinite(leaf)))
                raise ValueError(f"{name} must be finite: {bad} of its {leaf.numel()} values are NaN or infinite.")
