"""One training step of somebody's loop, from what its hooks caught to a `Frame`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bnviz.frames import Floats, Frame
from bnviz.ics.anywhere import shift_of_any
from bnviz.models.anatomy import Layer
from bnviz.probe import accuracy
from bnviz.probe.distributions import distributions, grouped, unit_percentiles
from bnviz.watching.caught import Caught, as_caught, scalar
from bnviz.watching.mirror import Mirror
from bnviz.watching.seen import Seen

Parameters = Mapping[str, Tensor]


def frame(
    step: int, arm: str, mirror: Mirror, caught: Caught, seen: Seen, chosen: Sequence[Layer], after: Parameters,
    shift: Mapping[str, Floats],
) -> Frame:  # fmt: skip
    """What there is to know of a step; chosen: the layers that are measured. shift: their ICS, see `shift_of`."""
    unknown = (math.nan, math.nan)
    gaps = np.array([seen.gaps.get(layer.name, unknown) for layer in chosen])
    shares = np.array([seen.shares.get(layer.name, unknown) for layer in chosen])
    measured: dict[str, Any] = {
        **_losses(mirror, caught),
        **_distributions(arm, seen, chosen),
        **_moves(mirror, caught, chosen, after),
        **shift,
        "saturated": shares[:, 0],
        "dead": shares[:, 1],
        "running_mean_gap": gaps[:, 0],
        "running_var_ratio": gaps[:, 1],
        "landscape_loss": np.full(2, np.nan),
        "landscape_predictiveness": np.full(2, np.nan),
        "landscape_beta": float("nan"),
    }
    return Frame(step=step, arm=arm, layers=tuple(layer.name for layer in chosen), **measured)


def shift_of(
    mirror: Mirror, caught: Caught, layers: Sequence[Layer], shown: Sequence[int], after: Parameters
) -> dict[str, Floats]:
    """ICS of the layers at the places `shown` across the update to the parameters `after`; NaN without a loss.

    Errors: ValueError for a loss that is no number.
    """
    loss_of = caught.loss_of
    if loss_of is None:
        return no_shift(len(shown))
    found = mirror.stacked(caught, len(layers), after)
    if found is not None:
        places = list(shown)
        return {"ics_l2": found.l2[places], "ics_relative": found.relative[places], "ics_cosine": found.cosine[places]}
    with as_caught(caught), mirror.without_dropout():
        each = [(layer.weights, layer.parameters) for layer in layers]
        found = shift_of_any(
            mirror.twin, after, each, caught.args, caught.kwargs, lambda out: scalar(loss_of(out)), shown
        )
    return {"ics_l2": found.l2, "ics_relative": found.relative, "ics_cosine": found.cosine}


def no_shift(count: int) -> dict[str, Floats]:
    """ICS that was not measured: NaN."""
    return {name: np.full(count, np.nan) for name in ("ics_l2", "ics_relative", "ics_cosine")}


def _distributions(arm: str, seen: Seen, chosen: Sequence[Layer]) -> dict[str, Any]:
    """What enters layers and activations."""
    entering = _spread(arm, [seen.entered.get(layer.name) for layer in chosen])
    passing = _spread(arm, [seen.passed.get(layer.name) for layer in chosen], percentiles=True)
    units = {row: seen.units[layer.name] for row, layer in enumerate(chosen) if layer.name in seen.units}
    return {
        **{f"input_{key}": entering[key] for key in ("hist", "range", "clipped", "mean", "std")},
        **{f"preactivation_{key}": passing[key] for key in ("hist", "range", "clipped", "percentiles")},
        "unit_percentiles": unit_percentiles(grouped([*units.values()], [*units]), len(chosen)),
    }


def _spread(arm: str, samples: Sequence[Tensor | None], percentiles: bool = False) -> dict[str, Any]:
    known = {row: values for row, values in enumerate(samples) if values is not None}
    return distributions({arm: grouped([*known.values()], [*known])}, len(samples), percentiles)[arm]


def _moves(mirror: Mirror, caught: Caught, chosen: Sequence[Layer], after: Parameters) -> dict[str, Floats]:
    """Gradients as the optimizer found them (0 where training takes none), and sizes of the update."""
    norms = dict(zip(caught.grad_norms, _numbers(caught.grad_norms.values()), strict=True))
    before = dict(mirror.twin.named_parameters())
    ratios = [_update_ratio(*(_flat(layer, each) for each in (before, after))) for layer in chosen]
    return {
        "grad_norm": np.array([math.hypot(*(norms.get(key, 0.0) for key in layer.weights)) for layer in chosen]),
        "update_ratio": _numbers(ratios),
    }


def norm_of(gradient: Tensor) -> Tensor:
    """L2 norm of a gradient, dense or sparse: a number, where the gradient is."""
    values = gradient.coalesce().values() if gradient.is_sparse else gradient
    norm: Tensor = torch.linalg.vector_norm(values, dtype=torch.promote_types(values.dtype, torch.float32))
    return norm


def _flat(layer: Layer, parameters: Parameters) -> Tensor:
    weights = [parameters[key].detach().reshape(-1) for key in layer.weights]
    flat = weights[0] if len(weights) == 1 else torch.cat(weights)
    return flat.to(torch.promote_types(flat.dtype, torch.float32))


def _update_ratio(before: Tensor, after: Tensor) -> Tensor:
    """As `metrics.update_ratios`, for one layer, where its weights are: a number."""
    update, weight = after - before, before - before.mean()
    norm = torch.linalg.vector_norm
    return torch.log10(norm(update.sub_(update.mean())) / norm(weight))


def _numbers(scalars: Any) -> Floats:
    """Tensors of one number each as an array: they travel together."""
    values = [*scalars]
    if not values:
        return np.zeros(0)
    found: Floats = torch.stack([each.reshape(()).to(values[0].device) for each in values]).cpu().double().numpy()
    return found


def _losses(mirror: Mirror, caught: Caught) -> dict[str, float]:
    """Losses as the loop computed it and in eval mode, and the accuracy. Errors: ValueError for one that is no
    number."""
    found = dict.fromkeys(("train_loss", "train_accuracy", "test_loss", "test_accuracy", "eval_loss"), math.nan)
    if caught.loss_of is None or caught.loss is None:
        return found
    found["train_loss"] = found["eval_loss"] = float(scalar(caught.loss).detach())
    if mirror.has_modes:
        with as_caught(caught), mirror.evaluating():
            found["eval_loss"] = float(scalar(caught.loss_of(mirror.run(caught))))
    if caught.classes is not None:
        leaf, y = caught.classes
        found["train_accuracy"] = accuracy(caught.outputs[leaf].detach(), y, classes=2)
    return found
