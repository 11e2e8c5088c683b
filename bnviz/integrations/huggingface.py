"""`bnviz.watch` as a callback of transformers: `Trainer(..., callbacks=[WatchCallback(every=50, out="run.arrow")])`."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback

from bnviz.watching import Watch, watch


class WatchCallback(TrainerCallback):
    """Watches a training; `watch` is its `Watch`. The loss is the model's own. options: those of `bnviz.watch`."""

    watch: Watch

    def __init__(self, **options: Any) -> None:
        self._options = options

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Start watching, now that there is an optimizer: that inside of accelerate's."""
        optimizer = given["optimizer"]
        self.watch = watch(given["model"], getattr(optimizer, "optimizer", optimizer), **self._options)

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Stop watching."""
        self.watch.close()
