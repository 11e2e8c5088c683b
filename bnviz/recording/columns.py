"""Arrow's arrays, made of what is at hand.

`pa.array` imports pandas to see whether it is given something of it: 45 MB, and a fifth of a second, of each worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa


def numbers(values: np.ndarray[Any, Any]) -> pa.Array:
    """Of a contiguous array (n,), without a copy."""
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), values.size, [None, pa.py_buffer(values)])


def texts(values: Sequence[str]) -> pa.Array:
    """Of strings: one after the other in UTF-8, and where each ends."""
    encoded = [value.encode() for value in values]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.Array.from_buffers(pa.string(), len(encoded), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))])
