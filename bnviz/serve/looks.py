"""What a run measures beside its frames, because somebody looks at it: a unit in the last update, the plane."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

Unit = dict[str, Any] | None
"""`arm`, `layer` and `unit` of `SlowMotion.close_up`; None for no unit."""


@dataclass(frozen=True, slots=True)
class Look:
    """What some viewers look at, and until when on the monotonic clock unless they say it again."""

    unit: Unit
    plane: bool
    until: float

    @property
    def lasts(self) -> bool:
        """Whether there is still something to measure for it."""
        return (self.plane or self.unit is not None) and time.monotonic() <= self.until


class Looks:
    """What everybody looks at, taken together; thread-safe."""

    def __init__(self) -> None:
        self.asked: tuple[Unit, bool] = None, False
        """What the worker was asked for last: a unit, and whether for the plane."""
        self._looks: dict[Hashable, Look] = {}
        self._lock = threading.Lock()

    def take(self, who: Hashable, look: Look, ask: Callable[..., None] | None) -> None:
        """These viewers look at this from now on; `ask` is called with `unit` and `plane` where these change.

        ask: None while nothing can be asked for.
        """
        with self._lock:  # also while asking: what was wanted first must not be asked for last
            told = (self._looks | {who: look}).items()
            self._looks = {each: look for each, look in told if look.lasts}
            looks = self._looks.values()
            wanted = next((each.unit for each in looks if each.unit), None), any(each.plane for each in looks)
            if ask is not None and wanted != self.asked:
                self.asked = wanted
                ask(unit=wanted[0], plane=wanted[1])
