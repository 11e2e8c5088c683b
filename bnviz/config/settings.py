"""Kinds of settings: what a field may hold, in words, as a check, and read from text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast


class Setting(Protocol):
    """What a field may hold, and how to read it from text."""

    @property
    def allowed(self) -> str:
        """What may be given, in words."""

    def check(self, value: Any) -> Any:
        """The value in its proper type; ValueError when it is not one of the allowed."""

    def parse(self, text: str) -> Any:
        """Read from text."""


@dataclass(frozen=True)
class Whole:
    """A whole number from `low` to `high`."""

    low: int
    high: int

    @property
    def allowed(self) -> str:
        """What may be given, in words."""
        return f"a whole number from {self.low} to {self.high}"

    def check(self, value: Any) -> int:
        """The value as an int; ValueError when it is not one of the allowed."""
        if isinstance(value, (bool, float)) or not hasattr(value, "__index__"):
            raise ValueError
        if not self.low <= int(value) <= self.high:
            raise ValueError
        return int(value)

    def parse(self, text: str) -> int:
        """Read from text."""
        return int(text)


@dataclass(frozen=True)
class Number:
    """A finite number from `low` to `high`."""

    low: float
    high: float

    @property
    def allowed(self) -> str:
        """What may be given, in words."""
        return f"a number from {self.low:g} to {self.high:g}"

    def check(self, value: Any) -> float:
        """The value as a float; ValueError when it is not one of the allowed."""
        if isinstance(value, (bool, str)) or not hasattr(value, "__float__"):
            raise ValueError
        if not self.low <= float(value) <= self.high:  # also False for NaN
            raise ValueError
        return float(value)

    def parse(self, text: str) -> float:
        """Read from text."""
        return float(text)


@dataclass(frozen=True)
class Choice:
    """One of a few names."""

    names: tuple[str, ...]
    titles: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Names as people write them, where that is not the name with a capital letter and spaces."""

    def title(self, name: str) -> str:
        """One of the names as people write it."""
        return self.titles.get(name, name.replace("_", " ").capitalize())

    @property
    def allowed(self) -> str:
        """What may be given, in words."""
        return f"one of {', '.join(self.names)}"

    def check(self, value: Any) -> str:
        """The value itself; ValueError when it is not one of the allowed."""
        if value not in self.names:
            raise ValueError
        return cast(str, value)

    def parse(self, text: str) -> str:
        """Read from text."""
        return text


@dataclass(frozen=True)
class Flag:
    """Yes or no."""

    allowed = "True or False"

    def check(self, value: Any) -> bool:
        """The value itself; ValueError when it is not one of the allowed."""
        if not isinstance(value, bool):
            raise ValueError
        return value

    def parse(self, text: str) -> bool:
        """Read from text."""
        if text not in ("True", "False"):
            raise ValueError
        return text == "True"


@dataclass(frozen=True)
class Maybe:
    """Something, or None."""

    inner: Setting

    @property
    def allowed(self) -> str:
        """What may be given, in words."""
        return self.inner.allowed

    def check(self, value: Any) -> Any:
        """The value in its proper type; ValueError when it is not one of the allowed."""
        return None if value is None else self.inner.check(value)

    def parse(self, text: str) -> Any:
        """Read from text."""
        return None if text == "None" else self.inner.parse(text)
