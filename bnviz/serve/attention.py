"""Whether somebody looks at a run, and what it does meanwhile."""

from __future__ import annotations

import enum


class Attention(enum.Enum):
    """What a run does when nobody watches."""

    NONE = "none"  # goes on: nobody has ever watched it, it is some program's
    AWAKE = "awake"  # is watched, or was just now
    NAPPING = "napping"  # rests until somebody watches again
