"""`python -m bnviz.data.own FILE CALLED TARGET TASK`: prepares and keeps a file, and tells on stdout; see `safely`."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bnviz.leash import end_with_parent

MAX_MEMORY = 4 * 2**30
"""Bytes of address space: what needs more is given up."""
MAX_SECONDS = 120
"""Of a processor's time."""


def main() -> int:
    """Print a JSON object: the set's name and what is known of it, or what is wrong."""
    path, called, target, task = sys.argv[1:]
    end_with_parent()
    _limit()
    print(json.dumps(_told(Path(path), called, json.loads(target), task)))
    return 0


def _told(path: Path, called: str, target: str | None, task: str) -> dict[str, Any]:
    from bnviz.data.own import Mistake, store
    from bnviz.data.own.preparing import prepare
    from bnviz.data.own.reading import read

    try:
        prepared = prepare(read(path, called), target, task)
        return {"name": store.save(prepared, path.read_bytes()), "about": asdict(prepared.about)}
    except Mistake as mistake:
        return {"mistake": str(mistake), "columns": mistake.columns}
    except MemoryError:
        return {"mistake": f"{called} needs more memory than the {MAX_MEMORY // 2**30} GB that are allowed."}
    except OSError as error:
        return {"mistake": f"{called} could not be kept on this machine: {error.strerror or error}."}


def _limit() -> None:
    with suppress(ImportError, ValueError, OSError):  # not on every system
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))


if __name__ == "__main__":
    sys.exit(main())
