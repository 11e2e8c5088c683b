"""Which samples each step trains on, and what they are to give."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from bnviz.data import Data


def batches(size: int, batch_size: int, seed: int) -> Iterator[Tensor | None]:
    """Rows of each batch, forever: every epoch in a new order, its last incomplete batch left out.

    None stands for the whole set, taken when the batch is as large.
    """
    generator = torch.Generator().manual_seed(seed)
    while True:
        if batch_size >= size:
            yield None
        else:
            yield from torch.randperm(size, generator=generator).split(batch_size)[: size // batch_size]


def targets(data: Data, loss: str, y: Tensor) -> Tensor:
    """What the loss takes: classes one-hot, float32 (n, C), for a squared error; else what is there."""
    one_hot = data.classes and loss != "cross_entropy"
    return F.one_hot(y, data.classes).float() if one_hot else y
