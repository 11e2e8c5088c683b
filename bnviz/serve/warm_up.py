"""What a process that trains, or that such are forked from, does before the first run."""

from __future__ import annotations

import gc

from bnviz.config import RunConfig


def warm_up(steps: int) -> None:
    """Touch what a run needs, so that the first frame of the first run comes at once. steps: so many are made."""
    import torch  # noqa: PLC0415  after stdout is safe, and never in the server

    from bnviz.models import factory  # noqa: F401, PLC0415  the same
    from bnviz.training import Trainer, slow  # noqa: F401, PLC0415  the same

    torch.set_num_threads(1)
    trainer = Trainer(RunConfig(depth=2, width=4))
    for _ in range(steps):
        trainer.step(measure=True)
    _freeze()


def warm_up_more() -> None:
    """Touch what runs need on data sets other than the first."""
    import sklearn.datasets  # noqa: F401, PLC0415  a second, and 120 MB

    _freeze()


def _freeze() -> None:
    gc.collect()
    gc.freeze()  # what is imported stays: the collector need not look at it
