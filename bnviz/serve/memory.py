"""Errors that say that memory ran out, and what is said of them."""

from __future__ import annotations

import re

WANTING = (
    "Training ended: there is not enough memory for this run on this machine. A smaller batch size, width or depth, or "
    "fewer networks, take less. All frames so far are kept."
)
_TOLD_BY_TORCH = re.compile("allocate memory|out of memory|not enough memory|bad_alloc")


def out_of_memory(error: BaseException) -> bool:
    """Whether there was no memory left: of Python and NumPy the type of the error says so, of torch its text."""
    return isinstance(error, MemoryError) or _TOLD_BY_TORCH.search(str(error)) is not None
