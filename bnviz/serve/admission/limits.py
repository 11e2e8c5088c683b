"""What a server lets its visitors use, as its operator sets it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from bnviz.config.settings import Maybe, Number, Setting, Whole
from bnviz.serve.admission import memory

RESERVE = 0.1
"""Share of the machine's memory that is left to everything else, where the operator sets no bound."""
LEAST_FOR_A_RUN = 500_000_000
"""A run of the usual size is let in everywhere."""
_CORES_OF_CONTAINER = Path("/sys/fs/cgroup/cpu.max")


def cores_here() -> int:
    """The cores that this process may use: of the machine, or of its container, if that has fewer."""
    affinity = getattr(os, "sched_getaffinity", None)
    found = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        quota, period = map(int, _CORES_OF_CONTAINER.read_text().split())
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        return found
    return max(1, min(found, quota // period))


@dataclass(frozen=True)
class Limits:
    """Bounds for all visitors together, and for each run. Errors: ValueError that says what is allowed."""

    cores: int = field(default_factory=cores_here)
    """As many runs train at full speed; beyond that they share."""
    memory: float | None = None
    """GB that all runs may take together; None: what the machine has, but for a reserve."""
    minutes: float = 60.0
    """A run is stopped after this time."""
    viewers: int = 500
    """Open sockets on all sources together."""
    elsewhere: bool = False
    """Whether runs train on other machines, so that the memory of this one does not matter to them."""

    def __post_init__(self) -> None:
        allowed: dict[str, Setting] = {
            "cores": Whole(1, 1024), "memory": Maybe(Number(0.5, 100_000)), "minutes": Number(1, 100_000),
            "viewers": Whole(1, 100_000),
        }  # fmt: skip
        for name, setting in allowed.items():
            try:
                setting.check(getattr(self, name))
            except ValueError:
                raise ValueError(f"{name} must be {setting.allowed}, got {getattr(self, name)!r}.") from None

    @property
    def all_runs(self) -> int:
        """Bytes that all runs may take together."""
        return round(self.memory * 1e9) if self.memory is not None else round(memory.total() * (1 - RESERVE))

    @property
    def one_run(self) -> int:
        """Bytes that a run may need: half of that."""
        return max(LEAST_FOR_A_RUN, self.all_runs // 2)
