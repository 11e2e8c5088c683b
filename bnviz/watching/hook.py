"""Hooks that copies of a model do not take along."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Hook:
    """A hook that a copy of the model, in memory or in a file, does not take along."""

    def __init__(self, watches: Callable[..., None]) -> None:
        self._watches = watches

    def __call__(self, *args: Any) -> None:
        """Called by torch."""
        self._watches(*args)

    def __reduce__(self) -> tuple[Any, ...]:
        return _silent, ()


def _silent() -> Callable[..., None]:
    """In place of a hook, in a copy."""
    return _nothing


def _nothing(*args: Any, **kwargs: Any) -> None:
    """A copy is not watched."""
