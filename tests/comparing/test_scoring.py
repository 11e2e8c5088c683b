from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from bnviz.comparing import compare
from bnviz.comparing.samples import Samples
from bnviz.comparing.scoring import right, score


def test_one_output_names_no_class():
    assert math.isnan(right(torch.randn(4, 1), torch.tensor([0, 3, 2, 0]), F.mse_loss))


def test_ignored_labels_are_neither_right_nor_wrong():
    x = torch.eye(2)[[0, 1, 0, 0]]
    samples = Samples((x, torch.tensor([0, 0, 1, -100])))
    assert score(nn.Identity(), samples, torch.arange(4), F.cross_entropy, 3)[1] == pytest.approx(1 / 3)
    samples = Samples((x, torch.tensor([-100, 0, 0, 1])))
    share = score(nn.Identity(), samples, torch.arange(4), lambda out, y: out.sum(), 1)[1]
    assert share == pytest.approx(1 / 3)


@pytest.mark.parametrize("y", [torch.arange(40) - 100, torch.arange(40) * 10**15])
def test_whole_numbers_to_regress_on(y):
    report = compare(
        lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1)), (torch.randn(40, 3), y),
        loss_fn=lambda out, target: F.mse_loss(out[:, 0], target.float() / 1e15), seeds=1, steps=2, jobs=1,
        variants=("as is", "batch"), learning_rate=0.01, progress=False,
    )  # fmt: skip
    assert report.outcome == "test_loss"
