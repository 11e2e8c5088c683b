"""A table becomes a set to train on: target and task found, rows split, numbers standardized, categories one-hot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bnviz.config.catalog import MAX_TEST, DataSet
from bnviz.config.own import MAX_CLASSES
from bnviz.data.own.features import encoded
from bnviz.data.own.mistake import Mistake, counted, listed
from bnviz.data.own.reading import MAX_NUMBERS, Contents
from bnviz.data.parts import SPLIT_SEED, Array, Pair, split

if TYPE_CHECKING:
    import pandas as pd

Task = Literal["auto", "classification", "regression"]
TASKS: tuple[Task, ...] = ("auto", "classification", "regression")
USUAL_TARGETS = ("target", "label", "class", "y")
FEW = 20
"""Up to so many different whole numbers are taken for classes."""
LEAST_ROWS = 10


@dataclass(frozen=True)
class About:
    """What was made of a file, for people."""

    file: str
    """Its name."""
    columns: tuple[str, ...]
    target: str
    task: str
    notes: tuple[str, ...]
    """What it holds and what was done to it, a sentence each."""

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> About:
        """What `dataclasses.asdict` has made of it, also by way of JSON."""
        return cls(told["file"], tuple(told["columns"]), told["target"], told["task"], tuple(told["notes"]))


@dataclass(frozen=True)
class Prepared:
    """A set, split and ready to train on."""

    train: Pair
    """Inputs, float32 [n, features] or [n, C, H, W], and targets, int64 [n] or float32 [n, 1]."""
    test: Pair
    data: DataSet
    about: About


def prepare(contents: Contents, target: str | None = None, task: str = "auto", *, seed: int = SPLIT_SEED) -> Prepared:
    """Make a set of what a file holds.

    target: a column; None takes one called target, label, class or y, else the last. task: `auto` takes text, and up
    to `FEW` different whole numbers, for classes. seed: decides the rows for testing. What is learned of columns
    (means, medians, categories) is learned from the training part alone.

    Errors: Mistake, which says what was given and what is allowed.
    """
    if task not in TASKS:
        raise Mistake(f"task must be one of {', '.join(TASKS)}, got {task!r}.")
    table = contents.table.set_axis([str(name) for name in contents.table.columns], axis=1)
    columns = tuple(table.columns)
    try:
        return _prepared(replace(contents, table=table), _target(contents.called, columns, target), task, seed)
    except Mistake as mistake:
        mistake.columns = columns
        raise


def guessed_target(columns: Sequence[str]) -> str:
    """The column with the name of a target, else the last."""
    usual = [name for name in columns if name.lower() in USUAL_TARGETS]
    return usual[-1] if usual else columns[-1]


def _target(called: str, columns: tuple[str, ...], wanted: str | None) -> str:
    if wanted is None:
        return guessed_target(columns)
    if wanted not in columns:
        raise Mistake(f"target must be a column of {called}, got {wanted!r}. Columns: {listed(columns, 30)}.")
    return wanted


def _prepared(contents: Contents, target: str, task: str, seed: int) -> Prepared:
    called, table, images = contents.called, contents.table, contents.images
    notes = list(contents.notes)
    there = table[target].notna().to_numpy()
    if not there.any():
        raise Mistake(f"The target {target!r} of {called} has no values; rows need one.")
    if missing := int((~there).sum()):
        notes.append(f"{counted(missing, 'row')} without a target left out.")
        table, images = table[there], None if images is None else images[there]
    if len(table) < LEAST_ROWS:
        raise Mistake(f"{called} has {counted(len(table), 'row')} with a target; at least {LEAST_ROWS} are needed.")
    column = table[target]
    task = _task(column) if task == "auto" else task
    y, names = _classes(column, called) if task == "classification" else (_numbers(column, called), ())
    rows, tests = _parts(y if names else np.zeros(len(y)), seed)
    if images is not None:
        x_train, x_test = _pixels(images, rows, tests, called)
    else:
        x_train, x_test, done = encoded(table.drop(columns=target), rows, tests, called)
        notes += done
    if len(rows) + len(tests) < len(table):
        notes.append(f"Of {counted(len(table) - len(rows), 'row')} for testing {MAX_TEST:,} are used.")
    if not names:
        y, said = _standardized(y, rows)
        notes.append(said)
    commonest = max(Counter(y.tolist()).values()) / len(y) if names else None
    data = DataSet("Your own", x_train.shape[1:], len(names), len(rows), commonest)
    notes = [_summary(data, tests, names), *notes]
    about = About(called, tuple(contents.table.columns), target, task, tuple(notes))
    return Prepared((x_train, y[rows]), (x_test, y[tests]), data, about)


def _summary(data: DataSet, tests: Array, names: tuple[str, ...]) -> str:
    what = f"{'×'.join(map(str, data.shape))} images" if data.images else counted(data.shape[0], "feature")
    wanted = f"{counted(data.classes, 'class')} ({listed(names, 5)})" if names else "a number as the target"
    return f"{counted(data.samples, 'row')} to train and {len(tests):,} to test: {what}, {wanted}."


def _task(column: pd.Series[Any]) -> str:
    if column.dtype.kind not in "iuf":
        return "classification"
    values = column.unique().tolist()
    few = len(values) <= min(FEW, len(column) / 2) and all(float(value).is_integer() for value in values)
    return "classification" if few else "regression"


def _classes(column: pd.Series[Any], called: str) -> tuple[Array, tuple[str, ...]]:
    """The class of each row, int64 [n], and the names of classes."""
    if column.dtype.kind not in "iufb":
        column = column.astype(str)
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        raise _infinite(column, called)
    values, y = np.unique(column.to_numpy(), return_inverse=True)
    if len(values) < 2:
        raise Mistake(
            f"The target {column.name!r} of {called} is {listed(values)} in every row; at least 2 classes are needed."
        )
    if len(values) > MAX_CLASSES or 2 * len(values) > len(column):
        raise Mistake(
            f"The target {column.name!r} of {called} has {len(values):,} different values in {len(column):,} rows; up "
            f"to {MAX_CLASSES:,} classes are allowed, two rows each on average, or numbers with the task regression."
        )
    return y.astype(np.int64), tuple(f"{value:g}" if column.dtype.kind == "f" else str(value) for value in values)


def _numbers(column: pd.Series[Any], called: str) -> Array:
    """The target of each row, float64 [n, 1]."""
    import pandas as pd

    found = pd.to_numeric(column, errors="coerce")
    if found.isna().any() or found.dtype.kind not in "iufb":
        text = listed(column[found.isna()].unique()[:1]) if found.isna().any() else column.dtype
        raise Mistake(
            f"The target {column.name!r} of {called} holds text ({text}); regression needs numbers, and text can be "
            "told apart with the task classification."
        )
    y = found.to_numpy(np.float64)[:, None]
    if not np.isfinite(y).all():
        raise _infinite(column, called)
    if np.ptp(y) == 0:
        raise Mistake(f"The target {column.name!r} of {called} is {y[0, 0]:g} in every row; it has to vary.")
    return y


def _infinite(column: pd.Series[Any], called: str) -> Mistake:
    return Mistake(f"The target {column.name!r} of {called} holds infinite values; finite numbers are allowed.")


def _standardized(y: Array, rows: Array) -> tuple[Array, str]:
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(y[rows])
    said = f"The target was standardized: its mean is {scaler.mean_[0]:g}, its standard deviation {scaler.scale_[0]:g}."
    return scaler.transform(y).astype(np.float32), said


def _parts(labels: Array, seed: int) -> tuple[Array, Array]:
    """Rows to train on, and up to `MAX_TEST` to test on."""
    every = np.arange(len(labels))
    (rows, _), (tests, _) = split(every, labels, seed)
    if not len(tests):  # so few of each class that none can be spared
        (rows, _), (tests, _) = split(every, np.zeros(len(labels)), seed)
    return rows, tests[:MAX_TEST]


def _pixels(images: Array, rows: Array, tests: Array, called: str) -> tuple[Array, Array]:
    """Inputs of images, with mean 0 and standard deviation 1 over all pixels of the training part."""
    from sklearn.preprocessing import StandardScaler

    if images.size > MAX_NUMBERS:
        raise Mistake(f"{called} has {images.size:,} pixels; at most {MAX_NUMBERS:,} are allowed.")
    scaled = images.astype(np.float32)
    if not np.isfinite(scaled).all():
        raise Mistake(f"The images of {called} hold values that are missing or infinite; finite numbers are allowed.")
    flat = scaled[rows].reshape(-1, 1)
    if np.ptp(flat) == 0:
        raise Mistake(f"The images of {called} are {flat[0, 0]:g} in every pixel; they have to vary.")
    scaler = StandardScaler().fit(flat)
    scaled -= scaler.mean_[0]
    scaled /= scaler.scale_[0]
    return scaled[rows], scaled[tests]
