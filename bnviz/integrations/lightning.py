"""`bnviz.watch` as a callback of PyTorch Lightning: `Trainer(callbacks=[WatchCallback(loss="loss_fn", every=50)])`."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from torch import nn

from bnviz.watching import Watch, watch


class WatchCallback(pl.Callback):
    """Watches a fit; `watch` is its `Watch`.

    model: the attribute of the LightningModule that `training_step` calls; None: the LightningModule itself, which it
    calls as `self(x)`. loss: the attribute that it takes the loss with, a module or a function. options: those of
    `bnviz.watch`.
    """

    watch: Watch
    _own: Any

    def __init__(self, model: str | None = None, loss: str | None = None, **options: Any) -> None:
        self._model, self._loss, self._options = model, loss, options

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start watching, now that there are optimizers."""
        watched = pl_module if self._model is None else getattr(pl_module, self._model)
        self._own = getattr(pl_module, self._loss) if self._loss else None
        self.watch = watch(watched, trainer.optimizers, self._own, **self._options)
        if self._loss and not isinstance(self._own, nn.Module):
            setattr(pl_module, self._loss, self.watch.loss(self._own))

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Stop watching, also after an exception."""
        if hasattr(self, "watch"):
            self.watch.close()
            if self._loss and not isinstance(self._own, nn.Module):
                setattr(pl_module, self._loss, self._own)
