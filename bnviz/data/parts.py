"""The two parts of a set, for training and for testing: how they are told apart, and what they are as tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bnviz.config.catalog import TEST_SHARE

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[Any]
Pair = tuple[Array, Array]

SPLIT_SEED = 0
"""Decides which samples are for testing: the same for every run, whatever its own seed."""


class DataUnavailable(RuntimeError):
    """A set cannot be had; the message is one sentence for the user."""


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """A set, split for training and testing."""

    x_train: Tensor
    """float32 [n, features], or [n, C, H, W] for images."""

    y_train: Tensor
    """int64 [n] for classes, float32 [n, targets] for regression."""

    x_test: Tensor
    y_test: Tensor

    classes: int
    """Number of classes; 0 for regression."""

    @property
    def in_shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return tuple(self.x_train.shape[1:])


def as_tensors(train: Pair, test: Pair, classes: int) -> Data:
    """The set whose parts are these inputs and targets; classes: their number, 0 for regression."""
    import torch

    x_train, x_test = (torch.from_numpy(x.astype(np.float32, copy=False)) for x, _ in (train, test))
    dtype = np.int64 if classes else np.float32
    y_train, y_test = (torch.from_numpy(y.astype(dtype)) for _, y in (train, test))
    return Data(x_train, y_train, x_test, y_test, classes)


def split(x: Array, y: Array, seed: int = SPLIT_SEED) -> tuple[Pair, Pair]:
    """Training and test part, of each class the same share, both in random order."""
    rng = np.random.default_rng(seed)
    train, test = [], []
    for label in np.unique(y):
        members = rng.permutation(np.flatnonzero(y == label))
        cut = round(TEST_SHARE * len(members))
        test.append(members[:cut])
        train.append(members[cut:])
    first, second = (rng.permutation(np.concatenate(part)) for part in (train, test))
    return (x[first], y[first]), (x[second], y[second])
