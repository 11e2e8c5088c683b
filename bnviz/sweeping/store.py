"""The folder of a sweep: a file for each cell that has ended, there as a whole or not at all."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from bnviz.sweeping.outcome import KEPT, Keep, Outcome
from bnviz.sweeping.plan import Cell


class Store:
    """Outcomes by cell. `KEY.json` says what came of a cell, and is written last; `KEY.arrow` is its recording."""

    def __init__(self, folder: Path) -> None:
        """Errors: OSError where there can be no such folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    def recording(self, cell: Cell) -> Path:
        """Where its recording is, if it was kept."""
        return self.folder / f"{cell.key}.arrow"

    def get(self, cell: Cell, keep: Keep = "summary") -> Outcome | None:
        """What came of it; None where it is still to be run: a file is damaged, or less of its frames was kept."""
        try:
            told = json.loads((self.folder / f"{cell.key}.json").read_text(encoding="utf-8"))
            if KEPT.index(told["keep"]) < KEPT.index(keep):
                return None
            rows = tuple(
                {name: math.nan if value is None else value for name, value in row.items()} for row in told["rows"]
            )
            return Outcome(rows, str(told["error"]), float(told["seconds"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def put(self, cell: Cell, outcome: Outcome, keep: Keep) -> None:
        """Keep what came of it. Errors: OSError."""
        if outcome.recording:
            _write(self.recording(cell), outcome.recording)
        told = {"config": cell.config.to_dict(), "keep": keep, "seconds": outcome.seconds, "error": outcome.error,
                "rows": [{name: _plain(value) for name, value in row.items()} for row in outcome.rows]}  # fmt: skip
        _write(self.folder / f"{cell.key}.json", json.dumps(told, allow_nan=False).encode())


def _plain(value: Any) -> Any:
    """JSON knows no number that is none."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write(path: Path, data: bytes) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_bytes(data)
    partial.replace(path)
