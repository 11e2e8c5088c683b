"""For processes whose stdin is no leash: they end when the one that started them does."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

LOOK_SECONDS = 0.5


def be_a_helper(path: list[str], parent: int) -> None:
    """In a new process of a pool: import what its parent can, leave the interrupt key to it, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(parent)  # a run for nobody would go on to its end
    sys.path[:] = path


def end_with_parent(parent: int | None = None) -> None:
    """End this process soon after its parent, however that dies. Without effect on Windows.

    parent: its process id, where it may have died before this is called.
    """
    threading.Thread(target=_watch, args=(parent or os.getppid(),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os._exit(1)
