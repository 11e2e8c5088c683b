"""Where normalization stands in the net, and what stands around it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from bnviz.linting.finding import Finding
from bnviz.linting.passes import Passes
from bnviz.linting.trace import GATES, SOFTMAXES, is_part_of

WASTED = 0.01
"""A bias is taken away if its gradient is below this share of its weight's."""
SHIFTED = 0.05
"""By this share dropout may change a variance before it is more than a hint."""
APART = 0.5
"""Standard deviations that may lie between the means of what a BatchNorm normalizes at its several places."""


def bias_before_batchnorm(seen: Passes) -> Iterator[Finding]:
    """A bias whose effect the batch mean takes away."""
    for name, _ in seen.modules(_BatchNorm):
        before = seen.before(name)
        if before is None or not isinstance(before[1], nn.Linear | _ConvNd) or before[1].bias is None:
            continue
        bias, weight = (seen.gradients.get(f"{before[0]}.{each}".lstrip("."), 0.0) for each in ("bias", "weight"))
        if bias <= WASTED * weight:
            yield Finding(
                "bias-before-batchnorm", before[0], "hint",
                f"its bias ({before[1].bias.numel()} values) goes straight into {name}, which takes it away: its "
                f"gradient is {bias:.1g}, its weight's {weight:.1g}.",
                "The batch mean holds it, so its gradient is 0 but for rounding (Ioffe & Szegedy 2015, section 3.2).",
                "Make the layer with bias=False.",
            )  # fmt: skip


def batchnorm_on_output(seen: Passes) -> Iterator[Finding]:
    """BatchNorm with nothing after it."""
    outputs = {seen.trace.maker(each) for each in seen.outputs}
    for name, module in seen.modules(_BatchNorm):
        if name in outputs:
            yield Finding(
                "batchnorm-on-output", name, "warning",
                f"what {type(module).__name__} returns is the model's output: it has the mean and spread of the batch.",
                "What a sample is given depends on the others of its batch, and sizes of logits are fixed by gamma "
                "(normalization belongs to hidden layers: Ioffe & Szegedy 2015, section 3.2).",
                "Remove it, unless the output is an embedding that is meant to be so.",
            )  # fmt: skip


def dropout_before_batchnorm(seen: Passes) -> Iterator[Finding]:
    """Dropout whose noise is in the statistics that eval mode uses."""
    for name, _ in seen.modules(_BatchNorm):
        if name not in seen.trace.order or seen.dropless is None or name not in seen.dropless.statistics:
            continue
        start = max(place for place, each in enumerate(seen.trace.order) if each == name)
        dropped = [module for place, module in seen.trace.drops if place <= start]
        if not dropped:
            continue
        (_, with_it), (_, without) = seen.trace.statistics[name][0], seen.dropless.statistics[name][0]
        ratio = float(with_it.median() / without.median())
        if ratio != 1:
            yield Finding(
                "dropout-before-batchnorm", name, "warning" if abs(ratio - 1) > SHIFTED else "hint",
                f"{dropped[-1] or 'the model itself'} drops values that reach it later: the variance it sees is "
                f"{ratio:.3g} times that without dropout.",
                "Dropout changes the variance in train mode alone, and the running variance keeps that "
                "(variance shift: Li et al. 2018, arXiv 1801.05134).", "Put dropout after the last BatchNorm.",
            )  # fmt: skip


def batchnorm_before_gate(seen: Passes) -> Iterator[Finding]:
    """BatchNorm whose output decides shares: before a softmax, or a sigmoid that gates or is the output.

    A sigmoid that is a hidden layer's activation is none of these, nor one that multiplies its own input (SiLU).
    """
    for each in seen.trace.activations:
        if each.source is None or not isinstance(seen.model.get_submodule(each.source), _BatchNorm):
            continue
        given = any(is_part_of(leaf, each.made) for leaf in seen.outputs)
        if each.kind in SOFTMAXES:
            what = "a softmax"
        elif each.kind in GATES and (each.gates or given):
            what = "a sigmoid that gates another tensor" if each.gates else "the sigmoid that is the model's output"
        else:
            continue
        yield Finding(
            "batchnorm-before-gate", each.source, "hint" if each.gates else "warning",
            f"its output goes into {what}.",
            "How much one sample is given or let through then depends on the others of its batch, and each channel is "
            "forced to the same mean and spread (no BatchNorm on outputs: Radford et al. 2016, arXiv 1511.06434, "
            "section 3).",
            "Leave it out there, with a bias in the layer before.",
        )  # fmt: skip


def batchnorm_used_twice(seen: Passes) -> Iterator[Finding]:
    """One BatchNorm at several places, whose inputs differ: its running statistics are of none of them."""
    for name, calls in seen.trace.statistics.items():
        (mean, variance), *others = calls
        away = max((float(((mean - m).abs() / (variance + v + 1e-12).div(2).sqrt()).median()) for m, v in others),
                   default=0.0)  # fmt: skip
        ratio = max((math.exp(float((v / variance).log().abs().nan_to_num().median())) for _, v in others), default=1.0)
        if away > APART or ratio > 2:
            yield Finding(
                "batchnorm-used-twice", name, "warning",
                f"it runs {len(calls)} times in one forward pass, on inputs whose means are {away:.1f} standard "
                f"deviations apart and whose variances differ {ratio:.1f}-fold.",
                "Train mode takes each input's own statistics, eval mode one running mixture for all of them "
                "(Ioffe & Szegedy 2015, section 3.1).",
                "Make one BatchNorm for each place.",
            )  # fmt: skip


def group_count(seen: Passes) -> Iterator[Finding]:
    """GroupNorm whose groups hold too little, or one channel each."""
    for name, module in seen.modules(nn.GroupNorm):
        assert isinstance(module, nn.GroupNorm)
        if (entering := seen.trace.entered.get(name)) is None:
            continue
        values = entering.numel() // (len(entering) * module.num_groups)
        told = f"{module.num_groups} groups of {module.num_channels} channels: a group has {values} "
        told += f"value{'s' * (values > 1)} of a sample"
        why = "A group is normalized by its own mean and spread (Wu & He 2018, section 3.1)"
        if values <= 2:
            always = "0 whatever comes in, so beta comes out" if values == 1 else "1 and -1 whatever comes in"
            yield Finding("group-count", name, "error" if values == 1 else "warning", f"{told}.",
                          f"{why}: less their mean, over their spread, its values are {always}.",
                          "Take fewer groups.")  # fmt: skip
        elif module.num_groups == module.num_channels:
            yield Finding("group-count", name, "hint", f"{told}, and each holds one channel.",
                          f"{why}; with one channel a group it is InstanceNorm, which takes away how much of a channel "
                          "there is in a sample.",
                          "Take fewer groups, such as 32, or InstanceNorm if that is meant.")  # fmt: skip


def in_place_after(seen: Passes) -> Iterator[Finding]:
    """An operation in place that changes what the net computes, or breaks its backward pass."""
    for name, told in seen.in_place.items():
        yield Finding(
            "in-place-after", name, "error", told,
            "It writes over a value that is still needed elsewhere, such as in a residual sum (PyTorch's notes on "
            "autograd, in-place operations).",
            "Set inplace=False.",
        )  # fmt: skip
