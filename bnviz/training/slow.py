"""Slow motion of a run: the last measured step once more, close by, and the plane as networks saw it then."""

from __future__ import annotations

from bnviz.closeup import Closeup, Plane
from bnviz.frames import layer_names
from bnviz.motion import PlaneMeter, close_up
from bnviz.training import Trainer


class SlowMotion:
    """Looks at the last step of a trainer, which must have been measured; nothing of what is trained is touched."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._meter: PlaneMeter | None = None

    def close_up(self, arm: str, layer: int, unit: int) -> Closeup | None:
        """One unit of a layer, counted as in frames, in the update that was last made.

        None if that was not measured, if the arm was not there, and for a net that is not ours. An arm that is still
        to grow shows the last of its hidden layers for one that it lacks.
        """
        trainer, probe = self._trainer, self._trainer.probes.get(arm)
        if probe is None or trainer.config.model == "own":
            return None
        count, own = len(layer_names(trainer.config)), len(probe.layers)
        place = own - 1 if layer >= count - 1 else min(layer, max(0, own - 2))
        row = count - 1 if place == own - 1 else place
        return close_up(
            probe, trainer.batch, trainer.loss_fn, place, unit,
            step=trainer.step_count - 1, arm=arm, rate=trainer.rates[arm], row=row,
        )  # fmt: skip

    def plane(self) -> Plane | None:
        """What the networks made of the plane before the last update; None where there is no plane, or no probe."""
        trainer = self._trainer
        if not trainer.probes or trainer.config.model == "own" or not trainer.config.data.planar:
            return None
        if self._meter is None:
            self._meter = PlaneMeter(trainer.data.x_train, trainer.data.y_train)
        return self._meter({label: probe.before for label, probe in trainer.probes.items()}, trainer.step_count - 1)
