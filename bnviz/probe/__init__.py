"""Measures a model around one training step, and leaves no trace in it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.utils.hooks import RemovableHandle

from bnviz.frames import Floats, Frame
from bnviz.ics import ShiftMeter
from bnviz.landscape import Bands, expendable, walk
from bnviz.models import LossFunction, pieces, weight_layer
from bnviz.models.noise import UnitNoise
from bnviz.probe import metrics
from bnviz.probe.distributions import distributions, grouped, in_rows, unit_percentiles


@dataclass(frozen=True)
class Batch:
    """What a step is measured on: the batch it trains on, and a test set."""

    x: Tensor
    y: Tensor
    x_test: Tensor
    y_test: Tensor
    classes: int
    """Number of classes; 0 for regression."""


class Probe:
    """Records what flows through `model` while attached, and its weights on entry and on exit.

    model: an nn.Sequential with one child per layer, as `bnviz.models.make_mlp` builds.

    >>> with probe:                                         # one training step of your own
    ...     loss_fn(model(x), y).backward()
    ...     optimizer.step()
    >>> frames = measure(step, {"mine": probe}, batch, loss_fn, names)

    The model keeps no hook and no copy: parameters, buffers, gradients and random state are as without the probe.
    What was recorded belongs to the probe alone, until it is attached again.
    own_loss: whether the backward pass inside is that of the loss which `measure` is given, and of nothing more.
    """

    def __init__(self, model: nn.Sequential, own_loss: bool = True) -> None:
        self.model = model
        self._own_loss = own_loss
        self.before = copy.deepcopy(model).eval()
        """The model as it was on entry: weights and buffers before the step; in eval mode."""
        self.after = copy.deepcopy(model)
        """The model as it was on exit: weights after the step."""
        self.shift = ShiftMeter(self.before, self.after)
        """Internal covariate shift from one to the other."""
        self.layers = [pieces(child) for child in model if weight_layer(child) is not None]
        self.layers_before = [pieces(child) for child in self.before if weight_layer(child) is not None]
        self.layers_after = [pieces(child) for child in self.after if weight_layer(child) is not None]
        self.gradients: list[Tensor | None] = []
        self.own_gradients: list[Tensor] | None = None
        """Gradient of the loss that `measure` is given, one a parameter; None if not at hand."""
        self.inputs: list[Tensor] = []
        self.normalized: list[Tensor | None] = []
        self.preactivations: list[Tensor] = []
        self.outputs: list[Tensor] = []
        self._state, self._state_before, self._state_after = map(_state, (model, self.before, self.after))
        self._noise, self._noise_after = _noises(model), _noises(self.after)
        self._children = [child for child in model if weight_layer(child) is not None]
        self._weights: list[Tensor | None] = []
        self._handles: list[RemovableHandle] = []
        self._walker: nn.Sequential | None = None

    @property
    def walker(self) -> nn.Sequential:
        """A model as it was on entry, to be used up; made when first asked for."""
        if self._walker is None:
            self._walker = expendable(self.before)
        with torch.no_grad():
            torch._foreach_copy_(_state(self._walker), self._state_before)
        for mine, twin in zip(_noises(self.model), _noises(self._walker), strict=True):
            twin._last = mine._last
        return self._walker

    def __enter__(self) -> Probe:
        with torch.no_grad():
            torch._foreach_copy_(self._state_before, self._state)
        count = len(self.layers)
        self.inputs, self.preactivations, self.outputs = ([torch.empty(0)] * count for _ in range(3))
        self.normalized, self._weights = [None] * count, [None] * count
        for index, (child, layer) in enumerate(zip(self._children, self.layers, strict=True)):
            self._watch(layer.weight, index, self.inputs)
            self._watch_weight(layer.weight, index)
            if layer.normalization is not None:
                self._watch(layer.normalization, index, self.normalized)
            self._watch(layer.activation or child, index, self.outputs, output=True)
            self._watch(layer.activation or child, index, self.preactivations, output=layer.activation is None)
        return self

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []
        with torch.no_grad():
            torch._foreach_copy_(self._state_after, self._state)
        for mine, twin in zip(self._noise, self._noise_after, strict=True):
            twin._last = mine._last
        self.gradients = [None if weight is None else weight.grad for weight in self._weights]
        trained = [each for each in self.model.parameters() if each.requires_grad]
        known = [each.grad for each in trained if each.grad is not None]
        self.own_gradients = known if self._own_loss and len(known) == len(trained) else None

    def _watch(self, module: nn.Module, index: int, store: list[Any], output: bool = False) -> None:
        def keep(module: nn.Module, args: tuple[Tensor, ...], *result: Tensor) -> None:
            store[index] = (result or args)[0].detach()

        attach: Callable[..., RemovableHandle] = module.register_forward_pre_hook
        self._handles.append((module.register_forward_hook if output else attach)(keep))

    def _watch_weight(self, layer: nn.Linear | nn.Conv2d, index: int) -> None:
        """Have the gradient of the weight in use kept, also where it is computed from other parameters."""
        if not parametrize.is_parametrized(layer, "weight"):
            self._weights[index] = layer.weight
            return

        def keep(module: nn.Module, args: tuple[Tensor, ...], weight: Tensor) -> None:
            if weight.requires_grad:
                weight.retain_grad()
                self._weights[index] = weight

        self._handles.append(layer.get_submodule("parametrizations.weight").register_forward_hook(keep))


def _state(model: nn.Module) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]


def _noises(model: nn.Module) -> list[UnitNoise]:
    return [module for module in model.modules() if isinstance(module, UnitNoise)]


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
    logits = probe.preactivations[-1]
    evaluated = probe.before(torch.cat([batch.x, batch.x_test]))
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
    # G of the training step itself, where it is of this loss and with respect to the weight in use.
    known = [gradient for gradient in probe.gradients if gradient is not None]
    complete = probe.own_gradients is not None and len(known) == len(probe.layers)
    shift = probe.shift(batch.x, batch.y, loss_fn, known if complete else None)
    before, after = ([layer.weight.weight for layer in each] for each in (probe.layers_before, probe.layers_after))
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
