"""Weights, gamma and beta, eps: the numbers that normalization and layers hold."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from bnviz.linting.finding import Finding
from bnviz.linting.passes import Passes
from bnviz.linting.trace import NORMALIZES
from bnviz.models.anatomy import weight_layers

SMALL_GAMMA = 1e-3
OFF = 0.25
"""Share of channels that may be off."""


def weight_decay_on_normalization(seen: Passes) -> Iterator[Finding]:
    """Weight decay that pulls gamma and beta to 0."""
    for name, _ in seen.modules(*NORMALIZES):
        decayed = {each: seen.decay[key] for each in ("weight", "bias")
                   if (key := f"{name}.{each}".lstrip(".")) in seen.decay}  # fmt: skip
        if decayed:
            words = {"weight": "gamma", "bias": "beta"}
            yield Finding(
                "weight-decay-on-normalization", name, "hint",
                f"the optimizer has weight_decay={max(decayed.values()):g} for its "
                f"{' and '.join(words[each] for each in decayed)}.",
                "They scale and shift what is normalized, and hold little to overfit with: decay pulls the scale of "
                "the layer to 0 (He et al. 2019, arXiv 1812.01187, section 3.1, no bias decay).",
                "Give gamma, beta and biases a parameter group of their own with weight_decay=0.",
            )  # fmt: skip


def gamma_near_zero(seen: Passes) -> Iterator[Finding]:
    """Channels that gamma has turned off.

    All of them exactly 0 is how residual nets may start (Goyal et al. 2017, section 5.1): nothing is wrong with that
    as long as gradients find their way around.
    """
    for name, module in seen.modules(*NORMALIZES):
        gamma = getattr(module, "weight", None)
        if gamma is None or name not in seen.trace.entered:
            continue
        share = _share(gamma.detach().abs() < SMALL_GAMMA)
        if bool((gamma == 0).all()):
            if seen.behind_nothing(name):
                yield Finding("gamma-near-zero", name, "error",
                              "gamma is all 0, and no gradient arrives at anything before it.",
                              "Only beta comes out, whatever comes in; a start at 0 is for the last one of a residual "
                              "branch (Goyal et al. 2017, section 5.1).",
                              "Start gamma at 1.")  # fmt: skip
        elif share >= OFF:
            yield Finding("gamma-near-zero", name, "hint",
                          f"|gamma| is below {SMALL_GAMMA:g} in {share:.0%} of {gamma.numel()} values.",
                          "Such a channel gives beta whatever comes in (Liu et al. 2017, arXiv 1708.06519, prunes by "
                          "this).",
                          "The layer may be narrower; else look for weight decay on gamma.")  # fmt: skip


def eps_dominates(seen: Passes) -> Iterator[Finding]:
    """A variance so small that eps, not it, is what is divided by."""
    of_the_batch = dict(seen.of_the_batch())
    for name, module in seen.modules(*NORMALIZES):
        if name not in seen.trace.entered or (isinstance(module, _BatchNorm) and name not in of_the_batch):
            continue
        variances = _variances(module, seen.trace.entered[name])
        given = getattr(module, "eps", None)
        eps = torch.finfo(variances.dtype).eps if given is None else float(given)  # RMSNorm's None
        variances = variances[variances > 0]  # what does not vary at all is no matter of eps
        small = variances < eps
        if variances.numel() and (share := _share(small)) >= 0.5:
            usual = float(variances.median())
            yield Finding("eps-dominates", name, "warning" if 10 * usual < eps else "hint",
                          f"what enters it has a variance of {usual:.2g} in the median, and eps is {eps:g}: what "
                          f"comes out has a standard deviation of {(usual / (usual + eps)) ** 0.5:.2g} instead of 1 "
                          f"(eps is the larger one in {share:.0%} of what it normalizes).",
                          "eps only is to keep the division safe (Ioffe & Szegedy 2015, section 3, algorithm 1).",
                          "Take a smaller eps, or start the weights before it larger.")  # fmt: skip


def _variances(module: nn.Module, x: Tensor) -> Tensor:
    """The variances that the module divides by, biased."""
    x = x.detach().float()
    if isinstance(module, _BatchNorm):
        return _over(x.transpose(0, 1))
    if isinstance(module, _InstanceNorm):
        return _over(x.flatten(0, 1))
    if isinstance(module, nn.GroupNorm):
        return _over(x.reshape(len(x) * module.num_groups, -1))
    shape: tuple[int, ...] = module.normalized_shape  # type: ignore[assignment]
    rows = x.reshape(-1, torch.Size(shape).numel())
    return rows.square().mean(1) if isinstance(module, nn.RMSNorm) else _over(rows)


def _over(rows: Tensor) -> Tensor:
    return rows.flatten(1).var(1, correction=0)


def zero_weights(seen: Passes) -> Iterator[Finding]:
    """A weight layer that gives its bias whatever comes in, in a place where that holds up learning.

    The last layer of a residual branch may start so (Zhang et al. 2019, Fixup): gradients find their way around it. So
    may the last layer of all, as in vision transformers: after one update they pass it.
    """
    parameters = dict(seen.model.named_parameters())
    for layer in seen.anatomy.layers:
        if layer.name not in seen.trace.called or not all(
            bool((parameters[each] == 0).all()) for each in layer.weights
        ):
            continue
        stuck = all(seen.gradients.get(each, 0.0) == 0 for each in layer.weights)
        last = layer is seen.anatomy.layers[-1]
        if not stuck and (last or not seen.behind_nothing(layer.name)):
            continue
        yield Finding(
            "zero-weights", layer.name, "error" if stuck else "warning",
            f"its weight ({sum(parameters[each].numel() for each in layer.weights)} values) is all 0, and "
            + ("its gradient is 0 too: it never moves." if stuck else "no gradient arrives at anything before it."),
            "A layer of equal weights has units that are all alike, and one of zeros passes nothing either way "
            "(Glorot & Bengio 2010; a start at 0 is for the last layer of a residual branch: Zhang et al. 2019).",
            "Initialize it at random.",
        )  # fmt: skip


def tied_weights(seen: Passes) -> Iterator[Finding]:
    """Weight layers that share one parameter: they are trained as one.

    A table of embeddings that is the output layer's weight too is a known and useful choice (Press & Wolf 2017).
    """
    weights = {key for keys in weight_layers(seen.model).values() for key in keys}
    ids = {id(parameter) for key, parameter in seen.model.named_parameters() if key in weights}
    holders: dict[int, dict[int, tuple[str, nn.Module]]] = {}
    for key, parameter in seen.model.named_parameters(remove_duplicate=False):
        if id(parameter) in ids:
            name = key.rpartition(".")[0]
            module = seen.model.get_submodule(name)
            holders.setdefault(id(parameter), {}).setdefault(id(module), (name, module))
    for held in holders.values():
        if any(isinstance(module, nn.Embedding) for _, module in held.values()):
            continue
        for (one, _), (other, _) in pairwise(held.values()):
            yield Finding("tied-weights", other, "hint", f"its weight is that of {one}.",
                          "Both layers get the sum of their gradients, and one weight decay; ICS takes them as one "
                          "layer, at its first place (Press & Wolf 2017 tie input and output tables on purpose).",
                          "Give each its own weight, unless that is meant.")  # fmt: skip


def _share(flags: Tensor) -> float:
    return float(torch.count_nonzero(flags)) / max(flags.numel(), 1)
