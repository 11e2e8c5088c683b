"""`bnviz.sweep`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path

from tqdm import tqdm

from bnviz.config import RunConfig
from bnviz.presets import preset
from bnviz.sweeping.outcome import KEPT, Keep, Outcome
from bnviz.sweeping.plan import Cell, cells
from bnviz.sweeping.results import Sweep
from bnviz.sweeping.running import run_all
from bnviz.sweeping.store import Store


def sweep(
    base: RunConfig | str, grid: Mapping[str, Sequence[object]], *, seeds: int | Iterable[int] = 4,
    executor: Executor | None = None, out: str | Path | None = None, keep: Keep = "last", jobs: int | None = None,
    progress: bool | None = None,
) -> Sweep:  # fmt: skip
    """Train `base` for every combination of the settings in `grid`, and every seed.

    base: a config, or the name of a preset. grid: values by the name of a setting, such as `{"depth": [2, 6, 20]}`.
    seeds: how many, from the base's on, or which. executor: any `concurrent.futures.Executor`, such as that of a Dask
    client (`client.get_executor()`); None: processes of this machine, `jobs` of them (None: one a core).
    out: a folder that keeps each cell as it ends; a sweep that was interrupted goes on from there (None: nothing is
    kept). keep: of each run's frames `summary`: none, `last`: those of its last measured step, `all`.
    progress: a bar on stderr; None: if that is a terminal.

    A cell that raises, diverges, or whose process dies three times, is a result with its reason.
    Errors: ValueError that names the setting, the value and what is allowed; OSError for the folder.
    """
    config = preset(base).config if isinstance(base, str) else base
    if keep not in KEPT:
        raise ValueError(f"keep must be one of {', '.join(KEPT)}, got {keep!r}.")
    planned = cells(config, grid, seeds)
    store = Store(Path(out)) if out is not None else None
    found = known(planned, store, keep)
    quiet = not (sys.stderr.isatty() if progress is None else progress)
    with tqdm(total=len(planned), initial=len(found), unit=" runs", disable=quiet) as bar:
        for cell, outcome in missing(planned, found, store, keep, executor, jobs):
            found[cell] = outcome
            bar.update()
    return Sweep(config, tuple(grid), {cell: found[cell] for cell in planned}, store)


def known(planned: Iterable[Cell], store: Store | None, keep: Keep) -> dict[Cell, Outcome]:
    """What a folder has of the cells already."""
    if store is None:
        return {}
    return {cell: outcome for cell in planned if (outcome := store.get(cell, keep)) is not None}


def missing(
    planned: Iterable[Cell], found: Mapping[Cell, Outcome], store: Store | None, keep: Keep,
    executor: Executor | None = None, jobs: int | None = None,
) -> Iterator[tuple[Cell, Outcome]]:  # fmt: skip
    """Run the cells that are not found yet: each as it ends, kept by then. Errors: as `run_all`; OSError."""
    for cell, outcome in run_all([cell for cell in planned if cell not in found], keep, executor, jobs):
        if store is not None:
            store.put(cell, outcome, keep)
        yield cell, outcome
