"""Many numbers in few bytes: each array once, byte by byte, so that gzip finds what is alike."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

Reference = dict[str, Any]
"""`{"$": [dtype, place]}`, and "columns" for a table: an array, by its place among those of its dtype."""


class Arrays:
    """What `bnviz.charts.encode` has encoded, taken out of messages, equal ones once."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, bytes], int] = {}
        self._parts: dict[str, list[NDArray[Any]]] = {}

    def taken(self, value: Any) -> Any:
        """The same terms of JSON, with a `Reference` where an encoded array was."""
        if isinstance(value, list):
            return [self.taken(each) for each in value]
        if not isinstance(value, dict):
            return value
        if "bdata" not in value:
            return {name: self.taken(each) for name, each in value.items()}
        dtype, data = value["dtype"], base64.b64decode(value["bdata"])
        parts = self._parts.setdefault(dtype, [])
        place = self._places.setdefault((dtype, data), len(parts))
        if place == len(parts):
            parts.append(np.frombuffer(data, f"<{dtype}"))
        found: Reference = {"$": [dtype, place]}
        return found | ({"columns": int(value["shape"].split(",")[1])} if "shape" in value else {})

    def packed(self, book: dict[str, Any]) -> bytes:
        """A book with references to these arrays, and the arrays, compressed together.

        Gzip of: the length of what follows in JSON, 4 bytes, little-endian; `{"arrays": [{"dtype", "lengths"}],
        "book"}`; then for each dtype all numbers, the first bytes of all of them, then the second bytes, and so on.
        """
        listed = [{"dtype": dtype, "lengths": [len(part) for part in parts]} for dtype, parts in self._parts.items()]
        text = json.dumps({"arrays": listed, "book": book}, separators=(",", ":")).encode()
        numbers = [np.concatenate(parts) for parts in self._parts.values()]
        planes = [each.view(np.uint8).reshape(-1, each.itemsize).T.tobytes() for each in numbers]
        return gzip.compress(b"".join([len(text).to_bytes(4, "little"), text, *planes]), 9, mtime=0)
