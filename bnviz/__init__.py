"""bnviz: watch what normalization does to a neural network, live.

The public names below are imported when first asked for, so that `import bnviz` takes neither torch nor time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bnviz.comparing import Report, compare
    from bnviz.config import Arm, RunConfig
    from bnviz.frames import Event, Frame
    from bnviz.ics import Shift, internal_covariate_shift
    from bnviz.linting import Finding, lint
    from bnviz.models import make_cnn, make_mlp
    from bnviz.presets import PRESETS
    from bnviz.probe import Probe
    from bnviz.recording import Recording
    from bnviz.sweeping.results import Sweep
    from bnviz.sweeping.sweep import sweep
    from bnviz.training import Trainer, train
    from bnviz.watching import Watch, watch

__all__ = [
    "PRESETS",
    "Arm",
    "Event",
    "Finding",
    "Frame",
    "Probe",
    "Recording",
    "Report",
    "RunConfig",
    "Shift",
    "Sweep",
    "Trainer",
    "Watch",
    "compare",
    "internal_covariate_shift",
    "lint",
    "make_cnn",
    "make_mlp",
    "sweep",
    "train",
    "watch",
]  # fmt: skip

_HOME = {
    "Arm": "config", "RunConfig": "config", "Event": "frames", "Frame": "frames", "Shift": "ics",
    "internal_covariate_shift": "ics", "make_cnn": "models", "make_mlp": "models", "PRESETS": "presets",
    "Probe": "probe", "Recording": "recording", "Trainer": "training", "train": "training",
    "Watch": "watching", "watch": "watching", "Finding": "linting", "lint": "linting",
    "Report": "comparing", "compare": "comparing", "Sweep": "sweeping.results", "sweep": "sweeping.sweep",
}  # fmt: skip
"""Where each public name lives."""


def __getattr__(name: str) -> object:
    """A public name, from its home (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"bnviz has no {name!r}. It has: {', '.join(__all__)}.")
    value = getattr(import_module(f"bnviz.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
