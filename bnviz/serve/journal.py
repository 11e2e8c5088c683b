"""What the server tells who runs it, a line for each thing that happens: `time=... level=info event=... name=value`.

No addresses, no settings, nothing that a visitor has typed; a run is named by a hash of its id, which opens nothing.
"""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import UTC, datetime
from typing import Any

log = logging.getLogger("bnviz")


def tell(event: str, /, **fields: Any) -> None:
    """Write a line."""
    log.info(event, extra={"fields": fields})


def short(key: str) -> str:
    """A name for something whose id is a key: the same for the same id, and no way back."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


class Line(logging.Formatter):
    """Everything in one line; a traceback, too."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)
        return " ".join(f"{name}={_written(value)}" for name, value in fields.items())


def _written(value: object) -> str:
    text = str(value)
    plain = text.isprintable() and not set(text) & set(' "=')
    return text if text and plain else json.dumps(text, ensure_ascii=False)


def begin() -> None:
    """Write to stderr, unless whoever runs this has arranged for logs already."""
    log.setLevel(logging.INFO)
    if not log.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(Line())
        log.addHandler(handler)
