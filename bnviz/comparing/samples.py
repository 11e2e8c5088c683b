"""The samples that all variants learn from: pairs of arrays, data sets and loaders, drawn in the same batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
    default_collate,
)

TEST_SHARE = 0.2
"""Of the samples, where no test data are given."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples that batches (x, y) can be drawn from: two tensors, or a data set and what joins its items."""

    source: tuple[Tensor, Tensor] | Dataset[Any]
    collate: Callable[[list[Any]], Any] = default_collate

    def __len__(self) -> int:
        return len(self.source[0]) if isinstance(self.source, tuple) else len(self.source)  # type: ignore[arg-type]

    def batch(self, places: Tensor) -> tuple[Any, Any]:
        """The samples at these places, x and y."""
        if isinstance(self.source, tuple):
            x, y = self.source
            return x[places], y[places]
        pair = self.collate([self.source[int(place)] for place in places])
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ValueError(f"A batch of the data must be a pair, x and y, got {type(pair).__name__}.")
        return pair[0], pair[1]

    @property
    def labels(self) -> Tensor | None:
        """All y, where they are at hand at once."""
        return self.source[1] if isinstance(self.source, tuple) else None


@dataclass(frozen=True)
class Given:
    """Data as they were given, ready to be drawn from."""

    samples: Samples
    note: str = ""
    """What of a loader is not used."""


def given(data: Any, name: str) -> Given:
    """Samples from a pair (x, y), a torch Dataset or a DataLoader. Errors: ValueError that says what was given."""
    if isinstance(data, DataLoader):
        if isinstance(data.dataset, IterableDataset):
            raise ValueError(f"{name} must have samples by number, got a DataLoader of an IterableDataset.")
        kept = isinstance(data.sampler, (SequentialSampler, RandomSampler))
        note = "" if kept else f"{name}: batches are drawn by bnviz, not by its {type(data.sampler).__name__}."
        inner = given(data.dataset, name).samples
        tensors = isinstance(inner.source, tuple) and data.collate_fn is default_collate
        samples = inner if tensors else Samples(data.dataset, data.collate_fn)
        return Given(samples, note)
    if isinstance(data, TensorDataset) and len(data.tensors) == 2:
        return Given(_pair(data.tensors, name))
    if isinstance(data, Dataset) and not isinstance(data, IterableDataset):
        if not hasattr(data, "__len__") or len(data) < 2:
            raise ValueError(f"{name} must hold two samples at least.")
        return Given(Samples(data))
    if isinstance(data, (tuple, list)) and len(data) == 2:
        return Given(_pair(data, name))
    raise ValueError(f"{name} must be a pair (x, y), a torch Dataset or a DataLoader, got {type(data).__name__}.")


def loader_batch_size(data: Any) -> int | None:
    """That of a loader; None of anything else."""
    return data.batch_size if isinstance(data, DataLoader) else None


def held(samples: int) -> int:
    """How many of so many samples are held for testing."""
    return max(1, round(TEST_SHARE * samples))


def split(samples: int, seed: int) -> tuple[Tensor, Tensor]:
    """Places to train on and, a fifth of all, to test with, drawn by the seed."""
    order = torch.randperm(samples, generator=torch.Generator().manual_seed(seed))
    return order[held(samples) :], order[: held(samples)]


def batches(places: Tensor, size: int, steps: int, seed: int) -> Iterator[Tensor]:
    """Places of the samples of each step: epoch after epoch in random order, the incomplete last batch left out."""
    size = min(size, len(places))

    def endless() -> Iterator[Tensor]:
        generator = torch.Generator().manual_seed(seed)
        while True:
            order = places[torch.randperm(len(places), generator=generator)]
            for start in range(0, len(order) - size + 1, size):
                yield order[start : start + size]

    return islice(endless(), steps)


def _pair(pair: Sequence[Any], name: str) -> Samples:
    x, y = (_tensor(values, f"{part} of {name}") for values, part in zip(pair, "xy", strict=True))
    if not x.dim() or not y.dim() or len(x) != len(y):
        raise ValueError(f"x and y of {name} must be of one length, got {tuple(x.shape)} and {tuple(y.shape)}.")
    if len(x) < 2:
        raise ValueError(f"{name} must hold two samples at least, got {len(x)}.")
    return Samples((x, y if y.is_floating_point() else y.long()))


def _tensor(values: Any, what: str) -> Tensor:
    if not isinstance(values, Tensor):
        array = np.asarray(values)
        if array.dtype.kind not in "fiub":
            raise ValueError(f"{what} must be numbers, got an array of {array.dtype}.")
        values = torch.as_tensor(array.astype(np.float32) if array.dtype.kind == "f" else array)
    tensor: Tensor = values.detach().cpu()
    if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
        bad = int((~tensor.isfinite()).reshape(len(tensor), -1).any(1).count_nonzero())
        raise ValueError(f"{what} must be finite numbers; {bad:,} of {len(tensor):,} samples hold others.")
    return tensor
