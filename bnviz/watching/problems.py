"""What could not be measured: said once, in the log, and kept; the loop goes on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger("bnviz.watch")


class Problems:
    """Sentences without their ends, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def tell(self, text: str) -> None:
        """Log it, if it is new and not empty."""
        if text and text not in self.told:
            self.told.append(text)
            log.warning("bnviz.watch: %s.", text)

    @contextmanager
    def survived(self, what: str) -> Iterator[None]:
        """An error is told, and goes no further: whatever it is, the loop is not ours to end."""
        try:
            yield
        except Exception as error:  # noqa: BLE001
            told = " ".join(str(error).split())[:200]
            self.tell(f"{what} could not be measured ({type(error).__name__}: {told})")
