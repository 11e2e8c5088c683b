"""Running statistics: what eval mode uses."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from bnviz.linting.finding import Finding
from bnviz.linting.passes import Passes

STALE = 2.0
"""How many times larger the loss may be in eval mode."""


def statistics_frozen(seen: Passes) -> Iterator[Finding]:
    """Running statistics that training does not move as usual, or that eval mode does not have."""
    for name, module in seen.modules(_BatchNorm):
        assert isinstance(module, _BatchNorm)
        if seen.model.training and not module.training:
            told = "it is in eval mode while the model is in train mode."
        elif not module.track_running_stats:
            told = "track_running_stats=False: eval mode uses the batch at hand."
        elif module.momentum == 0:
            told = "momentum=0: running statistics never move."
        elif module.momentum is None:
            yield Finding(
                "statistics-frozen", name, "hint",
                f"momentum=None: running statistics are the plain mean over all {int(module.num_batches_tracked or 0)} "
                "batches so far, so that each batch moves them less than the one before.",
                "They remember what entered under the first weights as well as under the newest ones, which an "
                "average that forgets does not (Ioffe & Szegedy 2015, section 3.1).",
                "Take momentum=0.1, or call reset_running_stats() and let batches pass before evaluating.",
            )  # fmt: skip
            continue
        else:
            continue
        yield Finding("statistics-frozen", name, "warning", told,
                      "Train and eval mode then normalize by other numbers than training has seen "
                      "(Ioffe & Szegedy 2015, section 3.1).",
                      "Leave it in train mode with momentum 0.1, unless freezing is meant (fine-tuning).")  # fmt: skip


def statistics_stale(seen: Passes) -> Iterator[Finding]:
    """A net that has been trained, whose running statistics make eval mode much worse."""
    if not math.isfinite(seen.train_loss) or seen.eval_loss <= STALE * seen.train_loss + 0.1:
        return
    apart = {name: away for name, module in seen.modules(_BatchNorm) if (away := _away(seen, name, module)) is not None}
    if not apart or math.isnan(seen.eval_loss):
        return
    worst = max(apart, key=lambda name: apart[name][0])
    _, mean, ratio = apart[worst]
    yield Finding(
        "statistics-stale", worst, "warning",
        f"on this batch the loss is {seen.train_loss:.3g} in train mode, {seen.eval_loss:.3g} in eval mode; of "
        f"{len(apart)} BatchNorms this one's running statistics are furthest from the batch's: means {mean:.1f} "
        f"standard deviations apart, variances {ratio:.3g}-fold.",
        "Running statistics lag behind weights that move fast; eval mode uses them (Ioffe & Szegedy 2015, 3.1).",
        "Let some batches pass in train mode before evaluating, or take a larger momentum.",
    )  # fmt: skip


def _away(seen: Passes, name: str, module: torch.nn.Module) -> tuple[float, float, float] | None:
    """How far running statistics are from the batch's: in all, means in standard deviations, variances as a ratio.
    None for a BatchNorm that has none, did not run, or has not seen a batch yet."""
    assert isinstance(module, _BatchNorm)
    if module.running_mean is None or module.running_var is None or not int(module.num_batches_tracked or 0):
        return None
    if name not in seen.trace.statistics:
        return None
    batch_mean, batch_var = seen.trace.statistics[name][0]
    mean = float(((module.running_mean - batch_mean).abs() / (batch_var + module.eps).sqrt()).median())
    log_ratio = float(((module.running_var + module.eps) / (batch_var + module.eps)).log().abs().median())
    return mean + log_ratio, mean, math.exp(min(log_ratio, 700))
