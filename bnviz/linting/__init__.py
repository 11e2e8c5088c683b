"""What is wrong with how a net uses normalization: rules held against one forward and backward pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from bnviz.linting.finding import Finding, Severity
from bnviz.linting.passes import Passes, run
from bnviz.linting.rules import RULES

__all__ = ["RULES", "Finding", "Passes", "Severity", "lint"]


def lint(
    model: nn.Module, sample_batch: tuple[Any, Tensor], loss_fn: Callable[[Any, Tensor], Tensor] | None = None
) -> list[Finding]:
    """What is wrong with how `model` uses normalization, the gravest first; an empty list is a clean bill.

    sample_batch: x and y, as a training step takes them. loss_fn: None takes cross-entropy for classes (n,), else the
    mean squared error. The model is copied: its weights, buffers, modes and the random state stay as they are.
    Errors: ValueError, in one sentence, for what is no model, no pair, or has no weight layer.
    """
    passes = run(model, sample_batch, loss_fn)
    found = [finding for rule in RULES.values() for finding in rule(passes)]
    order = ["error", "warning", "hint"]
    return sorted(found, key=lambda finding: order.index(finding.severity))
