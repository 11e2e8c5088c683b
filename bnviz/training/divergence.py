"""When a loss stopped being finite, found without a look at every step's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor


class Unchecked:
    """The losses of the steps since the last check, as tensors: to look at one would hold up the step."""

    def __init__(self) -> None:
        self._steps: list[Mapping[str, Tensor]] = []

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Take the losses of a step, by their arms' labels."""
        self._steps.append(losses)

    def lost(self, step_count: int) -> Iterator[tuple[str, int]]:
        """Each arm with a loss that is not finite, and the first such step; then all is checked.

        step_count: updates made so far; the last losses taken are of the step before.
        """
        first, steps, self._steps = step_count - len(self._steps), self._steps, []
        for label in dict.fromkeys(label for losses in steps for label in losses):
            there = [place for place, losses in enumerate(steps) if label in losses]
            bad = (~torch.stack([steps[place][label] for place in there]).isfinite()).nonzero()
            if len(bad):
                yield label, first + there[int(bad[0])]
