"""What a rule says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "hint"]
"""The gravest first."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a module."""

    rule: str
    """The rule's name, in kebab-case."""
    module: str
    """The module's own name, such as `layer2.0.bn1`."""
    severity: Severity
    evidence: str
    """What was measured or read, with figures."""
    why: str
    """Why it matters, with its source."""
    advice: str
    """What to do."""

    def __str__(self) -> str:
        return f"{self.severity}: {self.module}: {self.evidence} [{self.rule}] {self.why} {self.advice}"
