from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset

from bnviz.comparing import compare

X, Y = np.random.default_rng(0).normal(size=(60, 4)), np.arange(60) % 3


def net():
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


class Stream(IterableDataset):
    def __iter__(self):
        return iter([])


def broken():
    raise KeyError("nothing here")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"make_model": broken}, "broken raised KeyError"),
        ({"make_model": lambda: 3}, "must return a torch.nn.Module, got int"),
        ({"make_model": net()}, "make_model must be a function that makes the net, got a net"),
        ({"make_model": "net"}, "make_model must be a function that makes the net, got str"),
        ({"make_model": lambda: nn.Sequential(nn.ReLU())}, "has no weight layer"),
        ({"make_model": lambda: nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))},
         "The net cannot take the data, x of shape (48, 4) (float32): RuntimeError"),
        ({"make_model": lambda: nn.Sequential(nn.Linear(4, 3))}, "are all the same net"),
        ({"train_data": (X, Y[:-1])}, "x and y of train_data must be of one length, got (60, 4) and (59,)"),
        ({"train_data": X}, "train_data must be a pair (x, y), a torch Dataset or a DataLoader, got ndarray"),
        ({"train_data": DataLoader(Stream())}, "got a DataLoader of an IterableDataset"),
        ({"train_data": (X, Y.astype(str))}, "y of train_data must be numbers, got an array of <U"),
        ({"train_data": (np.where(X > 2, np.nan, X), Y)}, "x of train_data must be finite numbers; "),
        ({"train_data": (X, Y + 1)}, "y must be classes from 0 to 2, as the net has 3 outputs, got 1 to 3"),
        ({"test_data": (X, Y - 1)}, "y must be classes from 0 to 2, as the net has 3 outputs, got -1 to 1"),
        ({"loss_fn": lambda out, y: F.cross_entropy(out, y, reduction="none")},
         "The loss must be one number, got a tensor of shape (48,)"),
        ({"loss_fn": nn.MSELoss()}, "The loss cannot be taken of the net's output of shape (48, 3) (float32) and y"),
        ({"variants": ("as is", "bn")}, "variants must be one or several, each one of as is, none, batch"),
        ({"variants": "batch"}, "variants must be two or more to compare, got 'batch' alone"),
        ({"seeds": 0}, "seeds must be how many, from 1 on, or a list of them, got 0"),
        ({"seeds": [-1]}, "seeds must be one or several, each a whole number from 0"),
        ({"steps": 0}, "steps must be a whole number from 1"),
        ({"learning_rate": (0.1, 0.0)}, "learning_rate must be one or several, each a number above 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be one or several, each a number above 0"),
        ({"learning_rate": ()}, "learning_rate must be one or several"),
        ({"optimizer": "lion"}, "optimizer must be one of sgd, momentum, adam, got 'lion'"),
        ({"optimizer": lambda p, lr: torch.optim.SGD(p, lr)}, "needs learning_rate="),
        ({"batch_size": 0}, "batch_size must be a whole number from 1"),
        ({"jobs": 0}, "jobs must be a number of processes from 1 on, got 0"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(how, said):
    given = {"make_model": net, "train_data": (X, Y), "jobs": 1, "progress": False, "steps": 2, "seeds": 1} | how
    with pytest.raises(ValueError) as error:  # noqa: PT011  the text is looked at below
        compare(**given)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_regression_binary_labels_and_an_optimizer_of_ones_own():
    target = X @ np.ones(4)
    report = compare(
        lambda: nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1)), (X, target), (X, target), seeds=3, steps=40,
        optimizer=lambda parameters, rate: torch.optim.AdamW(parameters, rate), learning_rate=0.05, jobs=1,
        progress=False,
    )  # fmt: skip
    assert report.outcome == "test_loss"
    assert max(run.test_loss for run in report.runs) < target.var()
    report = compare(
        lambda out_features: nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, out_features)),
        (X, (target > 0).astype(float)[:, None]), loss_fn=nn.BCEWithLogitsLoss(), seeds=1, steps=60, jobs=1,
        variants=("as is", "batch"), learning_rate=1.0, progress=False,
    )  # fmt: skip
    assert report.outcome == "test_accuracy"
    assert min(run.test_accuracy for run in report.runs) > 0.7
