"""Exact laws of the normalizations, measured on the nets that bnviz trains, in float64 with eps next to 0."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bnviz.config import Arm, RunConfig
from bnviz.laws.law import (
    IOFFE,
    ROUNDING,
    SANTURKAR,
    TINY,
    B,
    C,
    Outcome,
    at_most,
    data,
    hidden_weights,
    largest,
    law,
    small_net,
)
from bnviz.models import pieces, weight_layer
from bnviz.probe import metrics
from bnviz.training import Trainer

OF_BATCH: tuple[str, ...] = ("batch", "batch_l1", "batch_linf")
OF_SAMPLE: tuple[str, ...] = ("layer", "group", "rms")


def _norms(eps: float = TINY) -> Iterator[tuple[nn.Module, Tensor, tuple[int, ...]]]:
    """BatchNorm of a fully connected and a convolutional net, with values to normalize and their batch dimensions."""
    for conv, shape, dims in ((False, (B, C), (0,)), (True, (B, C, 3, 3), (0, 2, 3))):
        norm = pieces(small_net("batch", eps=eps, conv=conv)[0]).normalization
        assert norm is not None
        yield norm, data(*shape), dims


@law(1, IOFFE + "Alg. 1", "0 ± 1e-11")
def mean_and_variance() -> Outcome:
    """BatchNorm gives mean 0 and biased variance s2/(s2+eps)."""
    errors = []
    for norm, x, dims in _norms(eps=0.1):
        y, s2 = norm(x), x.var(dims, correction=0)
        errors += [largest(y.mean(dims)), largest(y.var(dims, correction=0) - s2 / (s2 + 0.1))]
    return at_most(max(errors), ROUNDING)


@law(2, "Samuelson 1968", "/sqrt(B-1): at most 1; an outlier reaches 1 ± 1e-11")
def bounded() -> Outcome:
    """No normalized value is larger than sqrt(B-1)."""
    norm = next(_norms())[0]
    outlier, heavy = torch.zeros(B, C).double(), torch.empty(B, C).double()
    outlier[0] = 1e6
    reached = largest(norm(outlier)) / math.sqrt(B - 1)
    most = max(largest(norm(heavy.cauchy_())) for _ in range(100)) / math.sqrt(B - 1)
    return Outcome(f"{most:.4f}; {reached:.12f}", most <= 1 + ROUNDING and abs(reached - 1) <= ROUNDING)


def _through() -> Iterator[tuple[float, float, float]]:
    """Of the gradient g' that BatchNorm passes on: <g', 1>, <g', xhat>, and |g'|^2 against law 4."""
    for norm, y, dims in _norms():
        y.requires_grad_()
        gamma, g = cast(Tensor, norm.weight), data(*y.shape).sin()
        with torch.no_grad():
            gamma.copy_(data(C))
        (passed,) = torch.autograd.grad(norm(y), y, g)
        m, s2 = y.numel() / C, y.var(dims, correction=0, keepdim=True)
        xhat = (y - y.mean(dims, keepdim=True)) / s2.sqrt()
        inside = g.square().sum(dims) - (g.sum(dims).square() + (g * xhat).sum(dims).square()) / m
        want = gamma.square() / s2.flatten() * inside
        yield largest(passed.sum(dims)), largest((passed * xhat).sum(dims)), largest(passed.square().sum(dims) - want)


@law(3, IOFFE + "section 3", "0 ± 1e-11")
def orthogonal() -> Outcome:
    """The gradient that BatchNorm passes on is orthogonal to 1 and to xhat."""
    return at_most(max(max(ones, xhat) for ones, xhat, _ in _through()), ROUNDING)


@law(4, SANTURKAR + "Theorem 4.1", "difference 0 ± 1e-11")
def passed_norm() -> Outcome:
    """|dL/dy|² = gamma²/s² (|g|² - (sum g)²/m - (sum g xhat)²/m)."""
    return at_most(max(error for _, _, error in _through()), ROUNDING)


@law(5, IOFFE + "section 3.2", "0 ± 1e-11")
def bias_gradient() -> Outcome:
    """A bias right before BatchNorm has no gradient."""
    gradients: list[Tensor] = []
    for name in OF_BATCH:
        net = small_net(name)
        for child in list(net)[:-1]:
            layer = weight_layer(child)
            assert layer is not None
            layer.bias = nn.Parameter(data(C))
        biases = [parameter for key, parameter in net.named_parameters() if key.endswith(".0.bias")]
        gradients += torch.autograd.grad(net(data(B, 4)).sin().sum(), biases)
    assert len(gradients) == 3 * len(OF_BATCH)
    return at_most(largest(*gradients), ROUNDING)


@law(6, IOFFE + "section 3.3", "difference 0 ± 1e-11, a = 7, six kinds and weight norm")
def scale() -> Outcome:
    """Weights times a: same output, gradient / a."""
    errors = []
    for name in (*OF_BATCH, *OF_SAMPLE, "weight"):
        net, x = small_net(name), data(B, 4)
        weights = hidden_weights(net)
        output = net(x)
        gradients = torch.autograd.grad(output.sin().sum(), weights)
        with torch.no_grad():
            for weight in weights:
                weight.mul_(7)
        scaled = net(x)
        errors.append(largest(scaled - output))
        after = torch.autograd.grad(scaled.sin().sum(), weights)
        errors += [largest(7 * new - old) for new, old in zip(after, gradients, strict=True)]
    return at_most(max(errors), ROUNDING)


def _along(name: str) -> tuple[float, float]:
    """Largest <w_j, dL/dw_j> of a unit and <W, dL/dW> of a matrix, over all hidden layers."""
    net = small_net(name)
    weights = hidden_weights(net)
    gradients = torch.autograd.grad(net(data(B, 4)).sin().sum(), weights)
    along = [(weight * gradient).sum(1) for weight, gradient in zip(weights, gradients, strict=True)]
    return max(map(largest, along)), max(largest(each.sum()) for each in along)


@law(
    7,
    "van Laarhoven 2017; Salimans & Kingma 2016",
    "batch kinds, weight: each unit 0 ± 1e-11; layer, group, rms: the matrix only",
)
def radial() -> Outcome:
    """Weights are orthogonal to their gradients."""
    unit = max(_along(name)[0] for name in (*OF_BATCH, "weight"))
    units, matrices = zip(*map(_along, OF_SAMPLE), strict=True)
    text = f"{unit:.0e}; matrix {max(matrices):.0e}, unit {min(units):.1g}"
    return Outcome(text, max(unit, *matrices) <= ROUNDING and min(units) > 1e-4)


@law(8, "Arora et al. 2018", "relative error 0 ± 1e-9; live (float32, eps 1e-5) ± 2 %")
def growth() -> Outcome:
    """Gradient descent under BatchNorm: |w|² grows by lr² |g|²."""
    net, x, rate = small_net("batch"), data(B, 4), 0.1
    weights, grown = hidden_weights(net), torch.zeros(3).double()
    start = torch.stack([weight.detach().square().sum() for weight in weights])
    optimizer = torch.optim.SGD(net.parameters(), rate)
    for _ in range(50):
        optimizer.zero_grad()
        net(x).sin().sum().backward()
        grown += rate**2 * torch.stack([weight.grad.square().sum() for weight in weights if weight.grad is not None])
        optimizer.step()
    end = torch.stack([weight.detach().square().sum() for weight in weights])
    exact, live = largest((end - start) / grown - 1), _live_growth()
    return Outcome(f"{exact:.0e}; live {live:.1e}", exact <= 1e-9 and live <= 0.02)


def _live_growth() -> float:
    """The same while the app trains, in float32, with eps, from the gradient norms that it shows."""
    config = RunConfig(arms=(Arm("batch"),))
    trainer = Trainer(config)
    net = trainer.models["batch"]
    assert isinstance(net, nn.Sequential)
    weights = hidden_weights(net)
    start = torch.stack([weight.detach().double().square().sum() for weight in weights])
    grown = torch.zeros(config.depth).double()
    for _ in range(20):
        (frame,) = trainer.step(measure=True)
        grown += config.learning_rate**2 * torch.from_numpy(frame.grad_norm[:-1]).square()
    end = torch.stack([weight.detach().double().square().sum() for weight in weights])
    return largest((end - start) / grown - 1)


@law(9, "xhat = ±1", "hidden layers 0 ± 1e-11; output layer not")
def pairs() -> Outcome:
    """Batches of 2: no gradient passes BatchNorm."""
    net = small_net("batch")
    F.cross_entropy(net(data(2, 4)), torch.arange(2)).backward()
    hidden = largest(*(weight.grad for weight in hidden_weights(net) if weight.grad is not None))
    output = largest(cast(Tensor, cast(nn.Linear, net[-1]).weight.grad))
    return Outcome(f"{hidden:.0e}; output {output:.2g}", hidden <= ROUNDING and output > 1e-3)


@law(13, "law 1", "dead: 0 %; without BatchNorm, shifted by -100: 100 %")
def alive() -> Outcome:
    """beta 0, gamma not 0: no ReLU is dead on the batch."""
    shares = []
    for name in ("none", "batch"):
        net, h = small_net(name, "relu"), data(B, 4)
        for child in list(net)[:-1]:
            layer, norm, activation = pieces(child)
            if norm is not None:
                with torch.no_grad():
                    cast(Tensor, norm.weight).copy_(data(C).sign() * data(C).abs())
            assert layer is not None
            values = layer(h) - 100
            h = (values if norm is None else norm(values)).relu()
            shares.append(metrics.dead_share(activation, h))
    plain, normalized = shares[:3], shares[3:]
    return Outcome(f"{max(normalized):.0%}; none {min(plain):.0%}", max(normalized) == 0 and min(plain) == 1)


@law(14, IOFFE + "Alg. 2", "difference 0 ± 1e-11")
def running() -> Outcome:
    """running_var keeps the unbiased variance."""
    errors = []
    for norm, x, dims in _norms():
        norm(x)
        var, mean = cast(Tensor, norm.running_var), cast(Tensor, norm.running_mean)
        errors += [largest(var - 0.9 - 0.1 * x.var(dims, correction=1)), largest(mean - 0.1 * x.mean(dims))]
    return at_most(max(errors), ROUNDING)


LAWS = (
    mean_and_variance,
    bounded,
    orthogonal,
    passed_norm,
    bias_gradient,
    scale,
    radial,
    growth,
    pairs,
    alive,
    running,
)
