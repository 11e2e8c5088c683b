"""Somebody's own file as a data set: CSV, Parquet or NPZ; `load_file` reads it here, `safely.prepare` in a process."""

from __future__ import annotations

from pathlib import Path

from bnviz.data.own.mistake import Mistake
from bnviz.data.own.preparing import prepare
from bnviz.data.own.reading import KINDS, read
from bnviz.data.parts import SPLIT_SEED, Data, as_tensors

__all__ = ["KINDS", "Mistake", "load_file"]


def load_file(
    path: Path, target: str | None = None, task: str = "auto", *, seed: int = SPLIT_SEED
) -> tuple[Data, tuple[str, ...]]:  # fmt: skip
    """The set in a CSV, Parquet or NPZ file, split and standardized, and what was done to it, a sentence each.

    Numbers have mean 0 and standard deviation 1 over the training part, images over all their pixels; categories are
    one-hot; missing numbers are filled with the column's median, missing categories are one of their own. Of each
    class 80 % are for training. An NPZ holds x, (n, features), (n, h, w) or (n, c, h, w), and y, (n,).

    target: a column's name; None takes one called target, label, class or y, else the last. task: `classification`,
    `regression`, or `auto`: text, and up to 20 different whole numbers, are classes. seed: decides the split.
    Errors: OSError; ValueError, one sentence that says what was given and what is allowed.
    """
    made = prepare(read(Path(path)), target, task, seed=seed)
    return as_tensors(made.train, made.test, made.data.classes), made.about.notes
