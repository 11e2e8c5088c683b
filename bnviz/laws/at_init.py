"""Laws of nets as they are drawn, before any training: gradients through depth, and what the activations are."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from bnviz.config import Activation, Arm, Init, RunConfig
from bnviz.laws.law import Outcome, law
from bnviz.models import ACTIVATIONS, make_mlp, weight_layer
from bnviz.probe import Probe, metrics
from bnviz.training import train

WIDTH, DEPTH, CLASSES = 1024, 24, 10
SKIPPED = 8
"""Layers after which the samples of a batch have spread as far as BatchNorm spreads them, whatever the input."""


def _within(ratios: Sequence[float], tolerance: float) -> Outcome:
    """Holds where measured / expected is 1 within the tolerance for all."""
    text = " ".join(f"{ratio:.3f}" for ratio in ratios)
    return Outcome(text, all(abs(ratio - 1) <= tolerance for ratio in ratios))


def _growth(activation: Activation, batch: int, nets: int) -> float:
    """Growth per layer, backwards, of the squared gradient norm under BatchNorm: the mean over some nets."""
    logs = []
    for _ in range(nets):
        net = make_mlp(WIDTH, WIDTH, DEPTH, CLASSES, activation, "batch", "he")
        probe = Probe(net)
        with probe:
            F.cross_entropy(net(torch.randn(batch, WIDTH)), torch.randint(0, CLASSES, (batch,))).backward()
        norms = metrics.norms(probe.gradients)
        first, last = SKIPPED, DEPTH - 2
        logs.append(2 * math.log(norms[first] / norms[last]) / (last - first))
    return math.exp(float(np.mean(logs)))


def relu_growth(batch: int) -> float:
    """lambda(B) of Yang et al. 2019 for ReLU after BatchNorm; pi / (pi - 1) for large B."""
    c = -1 / (batch - 1)
    angle = math.pi - math.acos(c)
    J, slope = (math.sqrt(1 - c * c) + angle * c) / math.pi, angle / math.pi
    return (batch - 1) * (slope + batch - 1) / ((batch - 3) * (batch - 1) * (1 - J)) - 1 / (batch - 3)


def any_growth(activation: Activation) -> float:
    """E[phi'^2] / Var[phi] over N(0, 1), by the trapezoid rule: growth under BatchNorm for large B."""
    z = torch.linspace(-10, 10, 100_001, dtype=torch.float64, requires_grad=True)
    density = torch.exp(-z.detach().square() / 2)
    density /= density.sum()
    phi = ACTIVATIONS[activation]()(z)
    (slope,) = torch.autograd.grad(phi.sum(), z)
    phi = phi.detach()
    return float((density * slope.square()).sum() / ((density * phi.square()).sum() - (density * phi).sum() ** 2))


@law(
    15, "Yang et al. 2019", "measured / lambda = 1 ± 3 %: ReLU B = 8, 32, 128; linear B = 8; 1024 wide, layers 9 to 23"
)
def explosion() -> Outcome:
    """At the start, BatchNorm makes |G|² grow backwards: lambda(B) a layer with ReLU, (B-2)/(B-3) if linear."""
    ratios = [_growth("relu", batch, nets) / relu_growth(batch) for batch, nets in ((8, 8), (32, 3), (128, 1))]
    return _within([*ratios, _growth("identity", 8, 4) / (6 / 5)], 0.03)


@law(16, "Yang et al. 2019", "ratio 1 ± 3 %, B = 128: sigmoid, tanh, ReLU, leaky ReLU, GELU (not SiLU)")
def any_activation() -> Outcome:
    """... with any activation and large B by E[phi'²] / Var[phi]."""
    # Not SiLU: there the spread of the batch that the law takes for granted does not last. Samples fall together
    # again with depth (of 63 directions 20 are left after 35 layers at width 2048, 6 at width 256): 2 to 11 % off.
    names: tuple[Activation, ...] = ("sigmoid", "tanh", "relu", "leaky_relu", "gelu")
    return _within([_growth(name, 128, 2) / any_growth(name) for name in names], 0.03)


def _deltas(activation: Activation, init: Init, width: int) -> tuple[list[float], list[Tensor]]:
    """|dL/dz_l| of what leaves each weight layer of a plain net, and the weights."""
    net = make_mlp(width, width, DEPTH, CLASSES, activation, "none", init)
    layers = [layer for child in net if (layer := weight_layer(child)) is not None]
    left: list[Tensor] = []
    handles = [layer.register_forward_hook(lambda module, args, output: left.append(output)) for layer in layers]
    loss = F.cross_entropy(net(torch.randn(32, width)), torch.randint(0, CLASSES, (32,)))
    deltas = [float(gradient.norm()) for gradient in torch.autograd.grad(loss, left)]
    for handle in handles:
        handle.remove()
    return deltas, [layer.weight.detach() for layer in layers]


@law(17, "He et al. 2015, section 2.2", "growth a layer 1 ± 3 %, mean of 6 nets, 1024 wide")
def he() -> Outcome:
    """He initialization keeps |dL/dz|² of ReLU nets, without BatchNorm."""
    logs = []
    for _ in range(6):
        deltas, _ = _deltas("relu", "he", WIDTH)
        logs.append(2 * math.log(deltas[0] / deltas[-2]) / (DEPTH - 1))
    return _within([math.exp(float(np.mean(logs)))], 0.03)


@law(18, "chain rule: sigmoid' <= 1/4", "3.8x to 4.4x; at most 1 of the bound; 512 wide")
def sigmoid() -> Outcome:
    """Sigmoid without BatchNorm: |dL/dz| falls about 4x a layer, at least by 4 / |W|."""
    deltas, weights = _deltas("sigmoid", "xavier", 512)
    norms = [float(torch.linalg.matrix_norm(weight, 2)) for weight in weights[1:]]
    kept = [below / above for below, above in itertools.pairwise(deltas)]
    used = max(4 * share / norm for share, norm in zip(kept, norms, strict=True))
    fall = (deltas[-2] / deltas[0]) ** (1 / (DEPTH - 1))
    return Outcome(f"{fall:.2f}x; {used:.2f} of the bound", 3.8 <= fall <= 4.4 and used <= 1)


@law(19, "integrals over N(0, 1); Karpathy, makemore 3", "0.628 ± 0.002; 3.64 % ± 0.10 %; B = 1024")
def tanh() -> Outcome:
    """tanh under BatchNorm: std 0.628, and 3.64 % with |tanh| > 0.97."""
    batch, width, depth = 1024, 512, 6
    net = make_mlp(width, width, depth, CLASSES, "tanh", "batch", "xavier")
    probe = Probe(net)
    with probe, torch.no_grad():
        net(torch.randn(batch, width))
    ((_, values),) = metrics.stack_rows(probe.outputs[:-1])
    _, std, _ = metrics.spread(values)
    saturated = [metrics.saturated_share(net[0][-1], output) for output in probe.outputs[:-1]]  # type: ignore[index]
    stds, shares = float(np.mean(std)), float(np.mean(saturated))
    return Outcome(f"{stds:.4f}; {shares:.2%}", abs(stds - 0.628) <= 0.002 and abs(shares - 0.0364) <= 0.001)


def _root_mean_squares(width: int, depth: int) -> NDArray[np.float64]:
    """Root mean square of what leaves each ReLU layer with weights 0.01 * N(0, 1)."""
    net = make_mlp(width, width, depth, CLASSES, "relu", "none", "normal_0.01").double()
    probe = Probe(net)
    with probe, torch.no_grad():
        net(torch.randn(64, width, dtype=torch.float64))
    ((_, values),) = metrics.stack_rows(probe.outputs[:-1])
    mean, std, _ = metrics.spread(values)
    return np.hypot(mean, std)


@law(20, "Varma, Batch-Norm", "0.0707 ± 3 %, mean of 50 nets, float64")
def small_weights() -> Outcome:
    """Weights 0.01 N(0, 1), 20 ReLU layers of 100: activations shrink by 0.0707 a layer."""
    ends = [_root_mean_squares(100, 20)[[0, -1]] for _ in range(50)]
    fall = math.exp(float(np.mean([math.log(last / first) / 19 for first, last in ends])))
    return Outcome(f"{fall:.4f}", abs(fall / 0.0707 - 1) <= 0.03)


@law(21, "Karpathy, makemore 3", "difference 0 ± 1e-5, 4 data sets, train and test")
def nothing_learned() -> Outcome:
    """A net of C classes that has learned nothing has loss ln C."""
    errors = []
    sets: tuple[tuple[str, int], ...] = (("digits", 10), ("iris", 3), ("wine", 3), ("breast_cancer", 2))
    for name, classes in sets:
        config = RunConfig(name, activation="relu", init="normal_0.01", steps=1, arms=(Arm("none"),))
        (frame,) = train(config)
        errors += [abs(frame.train_loss - math.log(classes)), abs(frame.test_loss - math.log(classes))]
    return Outcome(f"{max(errors):.0e}", max(errors) <= 1e-5)


LAWS = (explosion, any_activation, he, sigmoid, tanh, small_weights, nothing_learned)
