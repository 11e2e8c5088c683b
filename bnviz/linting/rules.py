"""The rules: each a small function from what was seen to findings, under its fixed name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.dropout import _DropoutNd

from bnviz.linting.finding import Finding
from bnviz.linting.passes import Passes

Rule = Callable[[Passes], Iterator[Finding]]
FEWEST = 8
"""Values that a channel's statistics are of, at least: a variance over m has a relative error of sqrt(2 / (m - 1))."""
STEEPEST = 2.0
"""Gradients may grow or shrink by this factor a layer."""
FLATTEST = 0.5
"""Share of units that may be saturated or dead."""
STALE = 2.0
"""How many times larger the loss may be in eval mode."""


def bias_before_batchnorm(seen: Passes) -> Iterator[Finding]:
    """A bias whose effect the batch mean takes away."""
    for name, _ in seen.modules(_BatchNorm):
        before = seen.before(name)
        if before and isinstance(before[1], (nn.Linear, _ConvNd)) and before[1].bias is not None:
            yield Finding(
                "bias-before-batchnorm", before[0], "hint",
                f"its bias ({before[1].bias.numel()} values) goes straight into {name}, which takes it away.",
                "The batch mean holds it, so its gradient is 0 but for rounding (Ioffe & Szegedy 2015, section 3.2).",
                "Make the layer with bias=False.",
            )  # fmt: skip


def batchnorm_on_output(seen: Passes) -> Iterator[Finding]:
    """BatchNorm with nothing after it."""
    if seen.order and isinstance(module := seen.model.get_submodule(seen.order[-1]), _BatchNorm):
        yield Finding(
            "batchnorm-on-output", seen.order[-1], "warning",
            f"{type(module).__name__} is the last module that runs: each output has the mean and spread of the batch.",
            "What a sample is given depends on the others of its batch, and sizes of logits are fixed by gamma "
            "(normalization belongs to hidden layers: Ioffe & Szegedy 2015, section 3.2).", "Remove it.",
        )  # fmt: skip


def dropout_before_batchnorm(seen: Passes) -> Iterator[Finding]:
    """Dropout whose noise is in the statistics that eval mode uses."""
    for name, _ in seen.modules(_BatchNorm):
        start = max((place for place, each in enumerate(seen.order) if each == name), default=0)
        dropped = [
            each
            for each in seen.order[:start]
            if isinstance(drop := seen.model.get_submodule(each), _DropoutNd) and drop.p > 0
        ]
        if dropped:
            yield Finding(
                "dropout-before-batchnorm", name, "warning", f"{dropped[-1]} drops values that reach it later.",
                "Dropout changes the variance in train mode alone, and the running variance keeps that "
                "(variance shift: Li et al. 2018, arXiv 1801.05134).", "Put dropout after the last BatchNorm.",
            )  # fmt: skip


def batch_too_small(seen: Passes) -> Iterator[Finding]:
    """Statistics over so few values that they are noise."""
    for name, module in seen.modules(_BatchNorm):
        entering = seen.entered.get(name)
        if entering is None or not _uses_batch(module):
            continue
        values = entering.numel() // entering.shape[1]
        if values < FEWEST:
            error = math.sqrt(2 / (values - 1)) if values > 1 else math.inf
            yield Finding(
                "batch-too-small", name, "error" if values <= 2 else "warning",
                f"its statistics are of {values} values a channel: a variance is off by {error:.0%}.",
                "At 2 values BatchNorm gives plus and minus 1 whatever comes in, and passes no gradient "
                "(GroupNorm was made for small batches: Wu & He 2018).",
                f"Take batches of {FEWEST} or more, or GroupNorm.",
            )  # fmt: skip


def _uses_batch(module: nn.Module) -> bool:
    return module.training or getattr(module, "running_mean", None) is None


def statistics_frozen(seen: Passes) -> Iterator[Finding]:
    """Running statistics that training does not move, or that eval mode does not have."""
    for name, module in seen.modules(_BatchNorm):
        assert isinstance(module, _BatchNorm)
        if seen.model.training and not module.training:
            told = "it is in eval mode while the model is in train mode."
        elif not module.track_running_stats:
            told = "track_running_stats=False: eval mode uses the batch at hand."
        elif module.momentum == 0:
            told = "momentum=0: running statistics never move."
        else:
            continue
        yield Finding("statistics-frozen", name, "warning", told,
                      "Train and eval mode then normalize by other numbers than training has seen.",
                      "Leave it in train mode with momentum 0.1, unless freezing is meant (fine-tuning).")  # fmt: skip


def statistics_stale(seen: Passes) -> Iterator[Finding]:
    """A net that has been trained, whose running statistics make eval mode much worse."""
    tracked = [(n, m) for n, m in seen.modules(_BatchNorm) if isinstance(m, _BatchNorm) and m.track_running_stats]
    trained = [(n, m) for n, m in tracked if m.num_batches_tracked is not None and int(m.num_batches_tracked) > 0]
    if trained and not seen.eval_loss <= STALE * seen.train_loss + 0.1:
        yield Finding(
            "statistics-stale", trained[0][0], "warning",
            f"on this batch the loss is {seen.train_loss:.3g} in train mode, {seen.eval_loss:.3g} in eval mode.",
            "Running statistics lag behind weights that move fast; eval mode uses them (Ioffe & Szegedy 2015, 3.1).",
            "Let some batches pass in train mode before evaluating, or take a larger momentum.",
        )  # fmt: skip


def vanishing_gradients(seen: Passes) -> Iterator[Finding]:
    """Gradients that fall towards the input."""
    yield from _steep(seen, -1)


def exploding_gradients(seen: Passes) -> Iterator[Finding]:
    """Gradients that grow towards the input."""
    yield from _steep(seen, 1)


def _steep(seen: Passes, sign: int) -> Iterator[Finding]:
    names = [layer.name for layer in seen.anatomy.layers]
    known = [(place, seen.deltas[name]) for place, name in enumerate(names) if seen.deltas.get(name, 0.0) > 0]
    if len(known) < 4 or not all(math.isfinite(norm) for _, norm in known):
        return
    (first, low), (last, high) = known[0], known[-1]
    rate = (low / high) ** (sign / (last - first))
    if rate < STEEPEST:
        return
    name, word = ("exploding-gradients", "grow") if sign > 0 else ("vanishing-gradients", "fall")
    yield Finding(
        name, names[first], "error",
        f"gradients {word} {rate:.1f}x a layer, from {high:.2g} behind {names[last]} to {low:.2g} behind this one.",
        "Layers near the input then learn at a speed that is orders away (Glorot & Bengio 2010).",
        "Normalize, initialize for the activation, or add residual sums.",
    )  # fmt: skip


def dead_units(seen: Passes) -> Iterator[Finding]:
    """ReLUs that are 0 on the whole batch."""
    for name, _ in seen.modules(nn.ReLU):
        out = seen.left.get(name)
        if out is None or out.dim() < 2:
            continue
        share = _share(out.detach().amax((0, *range(2, out.dim()))) == 0)
        if share >= FLATTEST:
            yield Finding("dead-units", name, "warning", f"{share:.0%} of its units are 0 on the whole batch.",
                          "No gradient passes a ReLU that is 0.",
                          "Normalize before it, or lower the learning rate.")  # fmt: skip


def saturated_units(seen: Passes) -> Iterator[Finding]:
    """Sigmoids and tanhs in their flat parts."""
    for name, module in seen.modules(nn.Sigmoid, nn.Tanh):
        out = seen.left.get(name)
        if out is None or name == seen.order[-1]:
            continue  # an output may be as sure as it likes
        flat = out.detach().abs() > 0.97 if isinstance(module, nn.Tanh) else (out.detach() - 0.5).abs() > 0.47
        if (share := _share(flat)) >= FLATTEST:
            yield Finding("saturated-units", name, "warning", f"{share:.0%} of its values are in the flat part.",
                          "Where it is flat next to no gradient passes (Glorot & Bengio 2010).",
                          "Normalize before it, or start from smaller weights.")  # fmt: skip


def _share(flags: Tensor) -> float:
    return float(torch.count_nonzero(flags)) / flags.numel()


RULES: dict[str, Rule] = {
    rule.__name__.replace("_", "-"): rule
    for rule in (
        bias_before_batchnorm, batchnorm_on_output, dropout_before_batchnorm, batch_too_small, statistics_frozen,
        statistics_stale, vanishing_gradients, exploding_gradients, dead_units, saturated_units,
    )
}  # fmt: skip
"""By name."""
