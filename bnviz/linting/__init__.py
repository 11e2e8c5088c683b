"""What is wrong with how a net uses normalization: rules held against one forward and backward pass."""

from __future__ import annotations

from typing import get_args

from torch import nn
from torch.optim import Optimizer

from bnviz.linting.finding import Finding, Severity
from bnviz.linting.passes import Loss, Passes, run
from bnviz.linting.rules import RULES
from bnviz.linting.rules.batch import one_value
from bnviz.linting.sample import Sample
from bnviz.linting.trace import OneValue

__all__ = ["RULES", "Finding", "Passes", "Severity", "lint"]


def lint(
    model: nn.Module, sample_batch: Sample, loss_fn: Loss | None = None, *, optimizer: Optimizer | None = None
) -> list[Finding]:
    """What is wrong with how `model` uses normalization, the gravest first; an empty list is a clean bill.

    sample_batch: x and y, as a training step takes them (a tuple x is several inputs), or an iterable of such pairs (a
    DataLoader), of which the first is run and up to 20 are compared. loss_fn: None takes cross-entropy for classes
    (n,), else the mean squared error. optimizer: its weight decay is looked at.
    The model is copied: its weights, buffers, gradients, modes, hooks and the random state stay as they are.
    Errors: ValueError, in one sentence, for what is no model, no pair, no optimizer of the model, or cannot be run.
    """
    try:
        passes = run(model, sample_batch, loss_fn, optimizer)
    except OneValue as error:
        return [one_value(error.module)]
    found = [finding for rule in RULES.values() for finding in rule(passes)]
    return sorted(found, key=lambda finding: get_args(Severity).index(finding.severity))
