"""What came of a run of a sweep, as values that travel."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Any, Literal, get_args

Keep = Literal["summary", "last", "all"]
"""What is kept of a run's frames: none, those of its last measured step, or all."""
KEPT: tuple[Keep, ...] = get_args(Keep)
"""From the least to the most."""


@dataclass(frozen=True)
class Outcome:
    """What came of a cell."""

    rows: tuple[dict[str, Any], ...] = ()
    """One for each arm, in their order: see `cell.row`."""
    error: str = ""
    """Why there is none."""
    seconds: float = nan
    recording: bytes = b""
    """As `Recording.write` writes it; empty where nothing is kept."""
