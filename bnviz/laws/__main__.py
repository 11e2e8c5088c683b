"""`python -m bnviz.laws [--only NUMBER ...]`: laws as JSON, an object a line, on a leash: when stdin ends, so does it.

The child that the page's self-check starts; for people there is `bnviz check`.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import asdict
from typing import IO

from bnviz import laws


def _end_with(source: IO[bytes]) -> None:
    source.read()
    os._exit(1)


def main() -> int:
    """Measure laws until they are all measured or stdin ends; 0 if all hold, else 1."""
    import torch  # noqa: PLC0415  so that the process ends with its parent while it is still being imported

    torch.set_num_threads(1)
    numbers = [int(number) for number in sys.argv[2:]] or None
    held = True
    try:
        for result in laws.run(numbers):
            print(json.dumps(asdict(result)), flush=True)
            held &= result.passed
    except ValueError as error:
        sys.exit(f"bnviz: {error}")
    return 0 if held else 1


if __name__ == "__main__":
    # Unbuffered: the lock of a buffer would spoil the process's last words.
    threading.Thread(target=_end_with, args=(open(0, "rb", buffering=0),), daemon=True).start()  # noqa: SIM115
    sys.exit(main())
