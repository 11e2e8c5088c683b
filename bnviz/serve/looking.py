"""From what viewers look at to what a run measures beside its frames."""

from __future__ import annotations

import math
import time
from collections.abc import Hashable, Iterable
from typing import Any

from bnviz.charts.scene import View, chosen_arm, chosen_layer
from bnviz.serve.looks import Look
from bnviz.serve.messages import scene_of
from bnviz.serve.run import Run
from bnviz.source import Source

UPDATE, PLANE = "update", "plane"
"""Names of the tabs."""


def attend(
    source: Source, who: Hashable, looking: Iterable[tuple[View, object]], seconds: float = math.inf
) -> None:  # fmt: skip
    """Have measured what these views show, each given with the key that its viewer steers by, and what others show.

    who: tells for whom, in the place of what was told for them before. seconds: for how long that holds. A unit is
    looked at close by for whoever steers the run; others see the same.
    """
    if not isinstance(source, Run):
        return
    seen = [(view, key) for view, key in looking if not view.away]
    steering = next((view for view, key in seen if view.tab == UPDATE and source.controlled_by(key)), None)
    unit = _asked(source, steering) if steering else None
    source.look(who, Look(unit, any(view.tab in (UPDATE, PLANE) for view, _ in seen), time.monotonic() + seconds))


def _asked(run: Run, view: View) -> dict[str, Any]:
    scene = scene_of(run, None, view.solo)
    return {"arm": chosen_arm(scene, view), "layer": chosen_layer(scene, view), "unit": view.unit}
