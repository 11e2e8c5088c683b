"""`python -m bnviz.sweeping time|train PROCESSES [FOLDER]`: a sweep for the page, planned by the first line of stdin.

`time` prints the seconds that it will take; `train` the key of each cell, once it is in the folder. When stdin ends,
so does the process: what is in the folder stays, and the next one goes on from there.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO

from bnviz.sweeping.plan import Plan
from bnviz.sweeping.store import Store

NICE = 5
"""Runs that somebody watches come first."""


def _end_with(source: IO[bytes]) -> None:
    source.read()
    os._exit(1)


def main(plan: Plan) -> None:
    """Do what the command line says."""
    what, processes = sys.argv[1], int(sys.argv[2])
    with suppress(AttributeError, OSError):  # Windows has none
        os.nice(NICE)
    if what == "time":
        from bnviz.sweeping.cost import seconds  # noqa: PLC0415  so that it ends with its parent while torch comes

        print(f"{seconds(plan.cells, processes):.1f}", flush=True)
    else:
        from bnviz.sweeping.sweep import known, missing  # noqa: PLC0415  the same

        store = Store(Path(sys.argv[3]))
        found = known(plan.cells, store, "summary")
        for cell, _ in missing(plan.cells, found, store, "summary", jobs=processes):
            print(cell.key, flush=True)


if __name__ == "__main__":
    source = open(0, "rb", buffering=0)  # noqa: SIM115  unbuffered: a lock would spoil the process's last words
    asked = bytearray()
    while not asked.endswith(b"\n"):
        if not (byte := source.read(1)):
            sys.exit(1)
        asked += byte
    threading.Thread(target=_end_with, args=(source,), daemon=True).start()
    main(Plan.from_json(asked.decode()))
