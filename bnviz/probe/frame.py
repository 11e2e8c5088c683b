"""From what probes recorded of a step to its frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bnviz.frames import Floats, Frame
from bnviz.landscape import Bands, walk
from bnviz.models import LossFunction
from bnviz.models.anatomy import first_tensor
from bnviz.probe import metrics
from bnviz.probe.distributions import distributions, grouped, in_rows, unit_percentiles
from bnviz.probe.probe import Probe


@dataclass(frozen=True)
class Batch:
    """What a step is measured on: the batch it trains on, and a test set."""

    x: Tensor
    y: Tensor
    x_test: Tensor
    y_test: Tensor
    classes: int
    """Number of classes; 0 for regression."""


def measure(
    step: int,
    probes: Mapping[str, Probe],
    batch: Batch,
    loss_fn: LossFunction,
    layers: Sequence[str],
    steps: Mapping[str, Sequence[float]] = MappingProxyType({}),
) -> tuple[Frame, ...]:
    """One frame for each probe (an arm's label -> its probe), after a step that ran inside them.

    Histograms of all arms of a layer share their edges, so that they can be compared. steps: an arm's label -> the
    step lengths of its landscape; where there are none it is not measured.

    layers: names. A net with fewer layers fills the first rows, and the last with its output layer.
    """
    count = len(layers)
    rows = {label: (*range(len(probe.layers) - 1), count - 1) for label, probe in probes.items()}
    inputs = distributions({label: grouped(probe.inputs, rows[label]) for label, probe in probes.items()}, count)
    entering = {label: grouped(probe.preactivations, rows[label]) for label, probe in probes.items()}
    preactivations = distributions(entering, count, percentiles=True)
    return tuple(
        Frame(
            step=step,
            arm=label,
            layers=tuple(layers),
            **_losses(probe, batch, loss_fn),  # type: ignore[arg-type]  # one type for all keys
            **{f"input_{name}": inputs[label][name] for name in ("hist", "range", "clipped", "mean", "std")},
            **{
                f"preactivation_{name}": preactivations[label][name]
                for name in ("hist", "range", "clipped", "percentiles")
            },
            unit_percentiles=unit_percentiles(grouped([v[:, 0] for v in probe.preactivations], rows[label]), count),
            **in_rows(_health(probe) | _gradients(probe, batch, loss_fn), rows[label], count),  # type: ignore[arg-type]
            **_landscape(probe, batch, loss_fn, steps.get(label, ())),
        )
        for label, probe in probes.items()
    )


@torch.no_grad()
def _losses(probe: Probe, batch: Batch, loss_fn: LossFunction) -> dict[str, float]:
    """Losses and accuracies of the weights before the update, in train and in eval mode."""
    logits = probe.logits
    evaluated = first_tensor(probe.before(torch.cat([batch.x, batch.x_test])))
    assert evaluated is not None
    on_batch, on_test = evaluated.split([len(batch.x), len(batch.x_test)])
    return {
        "train_loss": float(loss_fn(logits, batch.y)),
        "train_accuracy": accuracy(logits, batch.y, batch.classes),
        "eval_loss": float(loss_fn(on_batch, batch.y)),
        "test_loss": float(loss_fn(on_test, batch.y_test)),
        "test_accuracy": accuracy(on_test, batch.y_test, batch.classes),
    }


def accuracy(logits: Tensor, y: Tensor, classes: int) -> float:
    """Share classified right, 0..1; NaN for regression (0 classes) and where a logit is not finite.

    y: classes (n,), or one-hot (n, C).
    """
    if not classes or not bool(logits.isfinite().all()):
        return float("nan")
    right = y if y.dim() == 1 else y.argmax(dim=1)
    return int((logits.argmax(dim=1) == right).count_nonzero()) / len(y)


def _health(probe: Probe) -> dict[str, Floats]:
    shares = [
        (metrics.saturated_share(layer.activation, output), metrics.dead_share(layer.activation, output))
        for layer, output in zip(probe.layers, probe.outputs, strict=True)
    ]
    gaps = metrics.running_gaps([layer.normalization for layer in probe.layers_before], probe.normalized)
    saturated, dead = np.array(shares).T
    mean_gap, var_ratio = gaps.T
    return {"saturated": saturated, "dead": dead, "running_mean_gap": mean_gap, "running_var_ratio": var_ratio}


def _gradients(probe: Probe, batch: Batch, loss_fn: LossFunction) -> dict[str, Floats]:
    shift = probe.shift(batch.x, batch.y, loss_fn, probe.weight_gradients)
    before, after = ([layer.in_use for layer in each] for each in (probe.layers_before, probe.layers_after))
    return {
        "grad_norm": metrics.norms(probe.gradients),
        "update_ratio": metrics.update_ratios(before, after),
        "ics_l2": shift.l2,
        "ics_relative": shift.relative,
        "ics_cosine": shift.cosine,
    }


def _landscape(probe: Probe, batch: Batch, loss_fn: LossFunction, steps: Sequence[float]) -> dict[str, Any]:
    bands = Bands(np.full(2, np.nan), np.full(2, np.nan), float("nan"))
    if steps:
        bands = walk(probe.walker, batch.x, batch.y, loss_fn, steps, probe.own_gradients)
    return {
        "landscape_loss": bands.loss,
        "landscape_predictiveness": bands.predictiveness,
        "landscape_beta": bands.beta,
    }
