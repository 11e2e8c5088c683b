"""Whether normalization helps a net of the user's own: its variants raced over seeds.

Each seed makes one net: Python's, NumPy's and torch's random states are set by it, then make_model is called. All
variants are copies of that net, so that the weights they share start equal. The same seed decides the samples held for
testing, the batches, and dropout. Without test data a fifth of the samples is held, for each seed another one
(Bouthillier et al. 2021, Accounting for Variance in Machine Learning Benchmarks).

Whether a difference is more than chance is judged by paired differences over seeds against the first variant, each at
its own best rate (`judging.interval`). That rate is chosen by the outcome of these same runs (test accuracy, or test
loss), so what a variant reaches is a little flattered; so are the others in the same way, but beware of many rates and
few seeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from bnviz.comparing.planning import planned, raced
from bnviz.comparing.processes import Job, run_all
from bnviz.comparing.report import Report, reported
from bnviz.comparing.running import Race
from bnviz.comparing.samples import loader_batch_size
from bnviz.comparing.scoring import binary
from bnviz.comparing.settings import VARIANTS, MakeOptimizer, Settings
from bnviz.comparing.text import plan_text

__all__ = ["Report", "compare"]


def compare(
    make_model: Callable[..., nn.Module], train_data: Any, test_data: Any = None, *,
    loss_fn: Callable[[Any, Any], Tensor] | None = None, optimizer: str | MakeOptimizer = "sgd",
    learning_rate: float | Sequence[float] | None = None, variants: str | Sequence[str] = VARIANTS,
    seeds: int | Sequence[int] = 5, steps: int = 500, batch_size: int | None = None, jobs: int | None = None,
    progress: bool = True,
) -> Report:  # fmt: skip
    """Train a net as it is, and with other normalization or none, from several seeds: what that changes, and how sure.

    A seed decides a net's weights, which all variants share, the samples held for testing, batches and dropout. The
    first variant is what the others are held against, by differences paired over seeds, each at its own best rate.

    make_model: makes the net; it may ask for in_features, in_shape, out_features. train_data, test_data: a pair
    (x, y) of arrays or tensors, a torch Dataset, or a DataLoader, whose batch size is taken; without test_data a fifth
    is held. loss_fn(output, y): a mean over samples; None takes cross-entropy for whole-number y, else the mean
    squared error. optimizer: sgd, momentum, adam, or a function of parameters and rate. learning_rate: one or
    several; None takes three. variants: "as is", and kinds of normalization or "none", which are those of
    `bnviz.models.variants.variant`. seeds: how many, or which. batch_size: None takes 64. jobs: processes; None takes
    all cores, 1 trains in this one. progress: show a bar. What is changed is printed before it starts.

    A run that raises, or whose loss is not finite, is a result as well. Layers are measured by `bnviz.watch`.
    Errors: ValueError, in one sentence, where net, data, loss and settings do not fit.
    """
    own, name = (optimizer, "sgd") if callable(optimizer) else (None, optimizer)
    taken = batch_size if batch_size is not None else loader_batch_size(train_data) or 64
    settings = Settings(variants, learning_rate, seeds, steps, taken, name, own)  # type: ignore[arg-type]
    if jobs is not None and (not isinstance(jobs, int) or jobs < 1):
        raise ValueError(f"jobs must be a number of processes from 1 on, got {jobs!r}.")
    race, notes = raced(make_model, train_data, test_data, loss_fn, settings)
    return _report(race, notes, jobs, progress)


def _report(race: Race, notes: tuple[str, ...], processes: int | None, progress: bool) -> Report:
    from tqdm import tqdm  # noqa: PLC0415  for its own bar alone

    settings, plan, commonest = race.settings, planned(race), _commonest(race)
    print(plan_text(plan), flush=True)
    jobs = [Job(v, rate, seed) for seed in settings.seeds for v in plan.variants for rate in settings.rates]
    runs = list(tqdm(run_all(race, jobs, processes), total=len(jobs), unit=" runs", disable=not progress))
    return reported(plan, settings, runs, commonest, notes)


def _commonest(race: Race) -> float:
    """Share of the commonest class among the samples to test with, 0..1; NaN without classes."""
    labels = (race.test or race.train).labels
    if labels is None or (labels.is_floating_point() and not binary(race.loss_fn)):
        return math.nan
    counts = labels[labels >= 0].unique(return_counts=True)[1]  # below 0 are those that a loss ignores
    return float(counts.max() / counts.sum()) if len(counts) else math.nan
