"""One update of one unit, measured whole from what a probe recorded of a step."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.grad import conv2d_weight

from bnviz.closeup import BINS, Closeup, Spread
from bnviz.frames import Floats
from bnviz.ics import ShiftMeter, compare
from bnviz.models import LossFunction
from bnviz.models.noise import UnitNoise
from bnviz.motion.normalizing import numpy, taken_apart, thinned
from bnviz.probe import Batch, Probe
from bnviz.probe.structure import Spot


class _Flow(NamedTuple):
    """What flowed through a layer, (n, C, ...) each, still with its graph; and the loss."""

    x: Tensor
    z: Tensor
    y: Tensor
    entering: Tensor
    a: Tensor
    outputs: Tensor
    loss: Tensor


def close_up(
    probe: Probe, batch: Batch, loss_fn: LossFunction, layer: int, unit: int, *,
    step: int = 0, arm: str = "", rate: float = math.nan, row: int | None = None,
) -> Closeup | None:  # fmt: skip
    """One unit of one layer through the step that ran inside the probe; None for nets other than ours.

    layer, unit: counted from 0; what is too large becomes the last. row: that of the layer in frames. The passes are
    made anew with the weights of then, on a copy: nothing of the network, no buffer and no random state is touched.
    """
    if not isinstance(probe.shift, ShiftMeter):
        return None
    layer = min(layer, len(probe.layers) - 1)
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        walker = probe.walker
        spot = probe.structure.spots(walker)[layer]
        flow = _run(walker, spot, batch, loss_fn)
        unit = min(unit, flow.z.shape[1] - 1)
        known = _passed(flow, spot, unit)
        pairs = probe.shift.gradients(batch.x, batch.y, loss_fn, probe.weight_gradients)
    return Closeup(
        step=step, arm=arm, layer=layer if row is None else row, unit=unit, units=flow.z.shape[1], rate=rate,
        noise=any(isinstance(each, UnitNoise) for each in walker.modules()),
        **known, **_parameters(probe, layer, unit), **_lost(flow, batch, loss_fn), **_shift(pairs, layer),
    )  # fmt: skip


def _run(model: nn.Module, spot: Spot, batch: Batch, loss_fn: LossFunction) -> _Flow:
    """A pass forward, with what enters and leaves the parts of a layer."""
    seen: dict[str, Tensor] = {}
    handles = []
    for name, module in (("z", spot.weight), ("y", spot.normalization), ("a", spot.activation)):
        if module is None:
            continue

        def keep(module: nn.Module, args: tuple[Tensor, ...], leaving: Tensor, name: str = name) -> Tensor:
            seen[f"into {name}"] = args[0]
            # A place of its own in the graph, also for nn.Identity, which gives back what it was given.
            seen[name] = leaving.view_as(leaving)
            return seen[name]

        handles.append(module.register_forward_hook(keep))
    try:
        outputs = model(batch.x)
    finally:
        for handle in handles:
            handle.remove()
    z = seen["z"]
    y = seen.get("y", z)
    entering = seen.get("into a", y)
    return _Flow(seen["into z"], z, y, entering, seen.get("a", entering), outputs, loss_fn(outputs, batch.y))


def _passed(flow: _Flow, spot: Spot, unit: int) -> dict[str, Any]:
    """Values and gradients of the unit, forward and back; the first sample is the one written out."""
    tensors = (flow.z, flow.y, flow.entering, flow.a)
    gradients = torch.autograd.grad(flow.loss, tensors)
    position = tuple(size // 2 for size in flow.z.shape[2:])  # of a map: its middle
    apart = taken_apart(spot.normalization, flow.z.detach(), (0, unit, *position), gradients[1], gradients[0])
    at = int(np.ravel_multi_index((0, *position), (len(flow.z), *flow.z.shape[2:])))
    chosen, place = thinned(flow.z[:, unit].numel(), at)

    def of_unit(values: Tensor) -> Floats:
        return numpy(values[:, unit].reshape(-1))[chosen]

    x = _entering_unit(spot.weight, flow.x, at)
    names = ("z", "y", "entering", "a")
    return {
        **{name: _spread(value, of_unit(value)) for name, value in zip(names, tensors, strict=True)},
        **{f"gradient_{name}": of_unit(value) for name, value in zip(names, gradients, strict=True)},
        "sample": 0, "place": place, "x": x, "inputs": _spread(flow.x, x),
        "weight_gradient": _weight_gradient(spot.weight, flow.x.detach(), gradients[0][:, unit : unit + 1]),
        "bias_gradient": math.nan if spot.weight.bias is None else float(gradients[0][:, unit].sum()),
        "slope": of_unit(_slope(spot.activation, flow.entering.detach())),
        "normalization": "" if spot.normalization is None else type(spot.normalization).__name__,
        "activation": "" if spot.activation is None else type(spot.activation).__name__,
        "xhat": of_unit(apart.xhat) if apart else np.zeros(0), "normalizing": apart.normalizing if apart else None,
        "affine": _affine(spot.normalization, unit, gradients[1][:, unit], apart.xhat[:, unit] if apart else None),
    }  # fmt: skip


def _entering_unit(weight: nn.Module, x: Tensor, at: int) -> Floats:
    """What a unit multiplies its weights with for the first sample: (f,); of a map, the patch around its position."""
    if not isinstance(weight, nn.Conv2d):
        return numpy(x[0])
    patches = F.unfold(x[:1].detach(), weight.kernel_size, weight.dilation, weight.padding, weight.stride)  # type: ignore[arg-type]  # (1, f, positions)
    return numpy(patches[0, :, at])


def _weight_gradient(weight: nn.Module, x: Tensor, gradient_z: Tensor) -> Floats:
    """dL/dw of one unit, (f,), from that of what leaves it, (n, 1, ...)."""
    if not isinstance(weight, nn.Conv2d):
        return numpy(gradient_z[:, 0] @ x)
    shape = (1, *weight.weight.shape[1:])
    how = (weight.stride, weight.padding, weight.dilation, weight.groups)
    return numpy(conv2d_weight(x, shape, gradient_z.contiguous(), *how).reshape(-1))


def _slope(activation: nn.Module | None, entering: Tensor) -> Tensor:
    if activation is None:
        return torch.ones_like(entering)
    values = entering.clone().requires_grad_()
    (slope,) = torch.autograd.grad(activation.forward(values).sum(), values)
    return slope


def _affine(module: nn.Module | None, unit: int, gradient_y: Tensor, xhat: Tensor | None) -> Floats:
    found = np.full((2, 2), np.nan)
    for column, name in enumerate(("weight", "bias")):
        found[0, column] = _of_unit(module, name, unit)
        if getattr(module, name, None) is not None and xhat is not None:
            found[1, column] = float((gradient_y * xhat).sum() if name == "weight" else gradient_y.sum())
    return found


def _spread(values: Tensor, unit: Floats) -> Spread:
    flat = numpy(values).reshape(-1)
    flat = flat[np.isfinite(flat)]
    ends = (float(flat.min()), float(flat.max())) if flat.size else (0.0, 0.0)
    low, high = ends if ends[1] > ends[0] else (ends[0] - 0.5, ends[0] + 0.5)
    counts, _ = np.histogram(flat, BINS, (low, high))
    return Spread(counts.astype(np.float64), np.array([low, high]), unit)


def _parameters(probe: Probe, layer: int, unit: int) -> dict[str, Any]:
    """The unit's parameters before and after what the optimizer did."""
    spots = (probe.layers_before[layer], probe.layers_after[layer])
    before, after = (numpy(spot.in_use[unit].reshape(-1)) for spot in spots)
    affine = [_of_unit(spots[1].normalization, name, unit) for name in ("weight", "bias")]
    return {
        "weight": before, "weight_after": after, "affine_after": np.array(affine),
        "bias": np.array([_of_unit(spot.weight, "bias", unit) for spot in spots]),
    }  # fmt: skip


def _of_unit(module: nn.Module | None, name: str, unit: int) -> float:
    """A unit's own number among a module's parameters; NaN where there is none."""
    parameter = getattr(module, name, None)
    return math.nan if parameter is None else float(parameter.detach()[unit])


def _lost(flow: _Flow, batch: Batch, loss_fn: LossFunction) -> dict[str, Any]:
    with torch.no_grad():
        chosen, place = thinned(len(batch.x), 0)
        outputs = flow.outputs.detach()
        losses = [float(loss_fn(outputs[i : i + 1], batch.y[i : i + 1])) for i in chosen]
    return {
        "loss": float(flow.loss.detach()), "losses": np.array(losses), "sample_place": place,
        "outputs": numpy(outputs[0]), "target": numpy(batch.y[0].reshape(-1)),
    }  # fmt: skip


def _shift(pairs: list[tuple[Tensor, Tensor]], layer: int) -> dict[str, Any]:
    """The layer's G and G', and what frames say of them."""
    shift = compare(pairs)
    both = np.stack([numpy(each.reshape(-1)) for each in pairs[layer]])
    chosen, _ = thinned(both.shape[1], 0)
    return {
        "norms": np.linalg.norm(both, axis=1), "pairs": both[:, chosen], "ics_l2": float(shift.l2[layer]),
        "ics_relative": float(shift.relative[layer]), "ics_cosine": float(shift.cosine[layer]),
    }  # fmt: skip
