"""One training step of somebody's loop, from what its hooks caught to a `Frame`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.utils._pytree import tree_leaves

from bnviz.frames import Floats, Frame
from bnviz.ics.anywhere import shift_of_any
from bnviz.models.anatomy import Layer, first_tensor
from bnviz.probe import accuracy, metrics
from bnviz.probe.distributions import distributions, grouped, unit_percentiles
from bnviz.watching.caught import Caught, as_caught, scalar
from bnviz.watching.mirror import Mirror

MOST_VALUES = 2**14
"""Of a layer with more values than this, every second, third ... is looked at."""


def frame(
    step: int, arm: str, mirror: Mirror, caught: Caught, layers: Sequence[Layer], shown: Sequence[int], shift: bool,
    after: Mapping[str, Tensor],
) -> Frame:  # fmt: skip
    """What there is to know of a step; `shown`: the places of the layers that are measured. shift: ICS, too."""
    chosen = [layers[place] for place in shown]
    wanted = {name for layer in chosen for name in (layer.name, layer.normalization, layer.activation)}
    entered: dict[str, Tensor] = {}
    left: dict[str, Tensor] = {}

    def see(name: str, args: tuple[Any, ...], output: Any) -> None:
        value = first_tensor(args if output is None else output)
        store = entered if output is None else left
        if value is not None and name in wanted and name not in store:
            store[name] = value.detach().clone()  # a later module may work in place

    with as_caught(caught):
        output = mirror.run(caught, see)
        losses = _losses(mirror, caught, output)
    modules = dict(mirror.twin.named_modules())
    passed = [_activation(layer, entered, left, isinstance(modules.get(layer.name), _ConvNd)) for layer in chosen]
    activations = [modules.get(layer.activation or "-") for layer in chosen]
    gaps = metrics.running_gaps([modules.get(layer.normalization or "-") for layer in chosen],
                                [entered.get(layer.normalization or "-") for layer in chosen])  # fmt: skip
    measured: dict[str, Any] = {
        **losses,
        **_distributions(arm, [_numbers(entered.get(layer.name)) for layer in chosen], [each[0] for each in passed]),
        **_moves(mirror, caught, chosen, after),
        **_shift(mirror, caught, layers, shown, after if shift else None),
        "saturated": _share(metrics.saturated_share, activations, passed),
        "dead": _share(metrics.dead_share, activations, passed),
        "running_mean_gap": gaps[:, 0],
        "running_var_ratio": gaps[:, 1],
        "landscape_loss": np.full(2, np.nan),
        "landscape_predictiveness": np.full(2, np.nan),
        "landscape_beta": float("nan"),
    }
    return Frame(step=step, arm=arm, layers=tuple(layer.name for layer in chosen), **measured)


def _distributions(arm: str, inputs: Sequence[Tensor | None], passed: Sequence[Tensor | None]) -> dict[str, Any]:
    """What enters layers and activations."""
    count = len(inputs)
    entering, pre = _spread(arm, inputs, count), _spread(arm, passed, count, percentiles=True)
    units = {row: values[:, 0].contiguous() for row, values in enumerate(passed) if values is not None}
    return {
        **{f"input_{key}": entering[key] for key in ("hist", "range", "clipped", "mean", "std")},
        **{f"preactivation_{key}": pre[key] for key in ("hist", "range", "clipped", "percentiles")},
        "unit_percentiles": unit_percentiles(grouped([*units.values()], [*units]), count),
    }


def _moves(mirror: Mirror, caught: Caught, layers: Sequence[Layer], after: Mapping[str, Tensor]) -> dict[str, Floats]:
    """Gradients as the optimizer found them (0 where training takes none), and sizes of the update."""
    norms = [math.hypot(*(caught.grad_norms.get(key, 0.0) for key in layer.weights)) for layer in layers]
    old, new = (
        [torch.cat([each[key].detach().reshape(-1).float().cpu() for key in layer.weights]) for layer in layers]
        for each in (dict(mirror.twin.named_parameters()), after)
    )
    return {"grad_norm": np.array(norms), "update_ratio": metrics.update_ratios(old, new)}


def _losses(mirror: Mirror, caught: Caught, output: Any) -> dict[str, float]:
    nan = float("nan")
    found = dict.fromkeys(("train_loss", "train_accuracy", "test_loss", "test_accuracy", "eval_loss"), nan)
    if caught.loss_of is None:
        return found
    modes = [(module, module.training) for module in mirror.twin.modules()]
    try:
        found["train_loss"] = float(scalar(caught.loss_of(output)))
        mirror.twin.eval()
        found["eval_loss"] = float(scalar(caught.loss_of(mirror.run(caught))))
    finally:
        for module, training in modes:
            module.training = training
    if caught.classes is not None:
        leaf, y = caught.classes
        found["train_accuracy"] = accuracy(tree_leaves(output)[leaf], y, classes=2)
    return found


def _shift(
    mirror: Mirror, caught: Caught, layers: Sequence[Layer], shown: Sequence[int], after: Mapping[str, Tensor] | None
) -> dict[str, Floats]:
    """ICS across the update to the parameters `after`; NaN without them, and without a loss."""
    loss_of, unknown = caught.loss_of, np.full(len(shown), np.nan)
    if loss_of is None or after is None:
        return {"ics_l2": unknown, "ics_relative": unknown, "ics_cosine": unknown}
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


def _activation(
    layer: Layer, entered: Mapping[str, Tensor], left: Mapping[str, Tensor], conv: bool
) -> tuple[Tensor | None, Tensor | None]:
    """What enters and what leaves the activation, units second: (n, C, ...). Without a module: what leaves the layer
    or its normalization, and None."""
    if layer.activation is not None:
        return _units(entered.get(layer.activation), conv), _units(left.get(layer.activation), conv)
    return _units(left.get(layer.normalization or layer.name, left.get(layer.name)), conv), None


def _units(values: Tensor | None, conv: bool) -> Tensor | None:
    values = _numbers(values)
    if values is None or values.dim() == 0:
        return None
    if values.dim() == 1:
        return values[None]
    return values if conv and values.dim() > 2 else values.flatten(0, -2)


def _numbers(values: Tensor | None) -> Tensor | None:
    """As floating point on the CPU; None for what is no such thing (an embedding's indices)."""
    if values is None or not values.is_floating_point() or not values.numel():
        return None
    return values.to("cpu", torch.float64 if values.dtype == torch.float64 else torch.float32)


def _spread(arm: str, tensors: Sequence[Tensor | None], count: int, percentiles: bool = False) -> dict[str, Any]:
    known = [(row, values.reshape(-1)) for row, values in enumerate(tensors) if values is not None]
    # An odd stride, so that it does not fall on the same columns of each map.
    sampled = [values[:: -(-len(values) // MOST_VALUES) | 1] for _, values in known]
    return distributions({arm: grouped(sampled, [row for row, _ in known])}, count, percentiles)[arm]


def _share(
    measure: Callable[[nn.Module | None, Tensor], float], modules: Sequence[nn.Module | None],
    activated: Sequence[tuple[Tensor | None, Tensor | None]],
) -> Floats:  # fmt: skip
    pairs = zip(modules, activated, strict=True)
    return np.array([np.nan if out is None else measure(module, out) for module, (_, out) in pairs])
