"""Input fed to something, one after another: what was taken, refused, slow, or a fault."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

SLOW = 1.0
"""Seconds that one input may take."""


class Never(Exception):
    """No exception is promised."""


@dataclass
class Row:
    """A kind of input, and what came of it."""

    kind: str
    tried: int = 0
    taken: int = 0
    refused: int = 0
    slowest: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)

    def run(
        self, inputs: Iterable[Any], feed: Callable[[Any], bool], refusals: type[Exception] = Never, slow: float = SLOW
    ) -> Row:
        """Feed all inputs; `feed` says whether one was taken."""
        errors = _Errors()
        logging.getLogger("bnviz").addHandler(errors)
        for given in inputs:
            self.tried += 1
            started = time.perf_counter()
            try:
                taken = feed(given)
            except refusals as error:
                taken = False
                if "\n" in str(error) or not str(error):
                    self.fault("several lines, or none", given)
            except Exception as error:  # noqa: BLE001  that is what is looked for
                taken = False
                self.fault(f"{type(error).__name__}: {str(error)[:60]}", given)
            self.taken, self.refused = self.taken + taken, self.refused + (not taken)
            self.slowest = max(self.slowest, seconds := time.perf_counter() - started)
            if seconds > slow and _seconds(feed, given) > slow:  # once more, as the machine may have been busy
                self.fault(f"{slow:g} s or longer", given)
            for said in errors.taken():
                self.fault(said, given)
        logging.getLogger("bnviz").removeHandler(errors)
        return self

    def fault(self, what: str, given: object) -> None:
        self.faults[what] += 1
        if self.faults[what] == 1:
            print(f"    {self.kind}: {what}: {repr(given)[:300]}", flush=True)

    def show(self) -> None:
        faults, slowest = sum(self.faults.values()), 1000 * self.slowest
        print(f"{self.kind:34} {self.tried:7} {self.taken:7} {self.refused:7} {slowest:9.1f} {faults:7}", flush=True)


class _Errors(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._said: list[str] = []
        threading.excepthook = lambda told: self._said.append(f"in a thread: {told.exc_value!r:.90}")

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else ""
        self._said.append(f"logged: {record.getMessage()[:60]} {error!r:.90}")

    def taken(self) -> list[str]:
        said, self._said = self._said, []
        return said


def _seconds(feed: Callable[[Any], bool], given: object) -> float:
    started = time.perf_counter()
    with contextlib.suppress(Exception):
        feed(given)
    return time.perf_counter() - started
