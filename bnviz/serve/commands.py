"""Commands to a child process, a JSON object a line."""

from __future__ import annotations

import json
import os
import queue
import threading
from typing import IO, Any


class Commands:
    """Commands as they arrive on stdin; the end of stdin ends the process. A line that is no command is passed over."""

    def __init__(self, source: IO[bytes]) -> None:
        self._queue: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._read, args=(source,), daemon=True).start()

    def _read(self, source: IO[bytes]) -> None:
        for line in source:
            try:
                told = json.loads(line)
            except (ValueError, RecursionError):
                continue  # whatever it is, the end of stdin must still be seen
            if isinstance(told, dict) and isinstance(told.get("command"), str):
                self._queue.put(told)
        os._exit(0)

    def next(self, timeout: float | None) -> dict[str, Any] | None:
        """The next command; None when none has come within `timeout` seconds (None: wait for ever)."""
        try:
            return self._queue.get(timeout != 0, timeout or None)
        except queue.Empty:
            return None
