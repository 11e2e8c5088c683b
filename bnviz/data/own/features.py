"""Columns become inputs: numbers standardized, categories one-hot, what is missing filled, all by scikit-learn."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bnviz.config.own import MAX_FEATURES
from bnviz.data.own.mistake import Mistake, counted, listed
from bnviz.data.own.reading import MAX_NUMBERS
from bnviz.data.parts import Array

if TYPE_CHECKING:
    import pandas as pd

MISSING = "(missing)"
"""The category of what is missing."""
_DATE = re.compile(r"\s*(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})(?![\d])")


@dataclass(frozen=True)
class _Columns:
    """Which columns are taken for what."""

    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    left_out: dict[str, list[str]]
    """Why, and which."""


def encoded(table: pd.DataFrame, rows: Array, tests: Array, called: str) -> tuple[Array, Array, list[str]]:
    """Inputs of the training and the test part, float32 [n, features], and what was done, a sentence each.

    Errors: Mistake where no feature is left, there are too many, or numbers are infinite.
    """
    columns = _sorted(table, rows, called)
    train, test = (_typed(table.iloc[part], columns) for part in (rows, tests))
    _check_size(train, columns, len(table), called)
    transformer = _transformer(columns)
    with np.errstate(over="ignore", invalid="ignore"):
        found = transformer.fit_transform(train), transformer.transform(test)
        x_train, x_test = (part.astype(np.float32) for part in found)
    if not (np.isfinite(x_train).all() and np.isfinite(x_test).all()):
        raise Mistake(f"{called} holds numbers too large to be standardized; they may have up to 1e150.")
    return x_train, x_test, _said(train, test, columns)


def _sorted(table: pd.DataFrame, rows: Array, called: str) -> _Columns:
    """Tell numbers from categories, and both from what no net can learn from."""
    numbers: list[str] = []
    categories: list[str] = []
    left_out: dict[str, list[str]] = {}
    for name in table.columns:
        column = table[name]
        if column.dtype.kind in "iufb":
            if not np.isfinite(column.dropna().to_numpy(np.float64)).all():
                raise Mistake(f"The column {name!r} of {called} holds infinite values; finite numbers are allowed.")
            why = _useless_number(column, rows)
        else:
            why = _useless_text(column, rows)
        if why:
            left_out.setdefault(why, []).append(name)
        else:
            (numbers if column.dtype.kind in "iufb" else categories).append(name)
    if not numbers and not categories:
        reasons = "; ".join(f"{why}: {listed(names, 4)}" for why, names in left_out.items())
        raise Mistake(f"{called} has no feature to learn from ({reasons}); at least one that varies is needed.")
    return _Columns(tuple(numbers), tuple(categories), left_out)


def _useless_number(column: pd.Series[Any], rows: Array) -> str:
    if column.iloc[rows].nunique() < 2:
        return "the same in every row"
    if column.dtype.kind in "iu" and set(column - column.index) in ({0}, {1}):
        return "the row's number"
    return ""


def _useless_text(column: pd.Series[Any], rows: Array) -> str:
    """Why a column that holds no numbers is left out; empty: it holds categories."""
    if column.dtype.kind in "mM":
        return "dates"
    values = column.dropna().astype(object)  # a categorical's map gives a categorical
    if not values.map(lambda value: isinstance(value, str | bool | int | float)).all():
        return "neither numbers nor text"
    values = values.astype(str)
    if column.iloc[rows].nunique(dropna=False) < 2:
        return "the same in every row"
    if values.str.match(_DATE).all():
        return "dates"
    return "another text in every row" if values.nunique() == len(values) else ""


def _typed(part: pd.DataFrame, columns: _Columns) -> pd.DataFrame:
    """Numbers as float64 and categories as str, NaN where they are missing."""
    numbers = part[list(columns.numbers)].astype(np.float64)
    categories = part[list(columns.categories)].astype(object)
    categories = categories.map(str, na_action="ignore").where(categories.notna(), np.nan)
    return numbers.join(categories)


def _check_size(train: pd.DataFrame, columns: _Columns, rows: int, called: str) -> None:
    sizes = {name: train[name].nunique(dropna=False) for name in columns.categories}
    features = len(columns.numbers) + sum(sizes.values())
    if features > MAX_FEATURES:
        most = max(sizes, key=sizes.__getitem__) if sizes else ""
        why = f", {sizes[most]:,} of them categories of {most!r}" if most else ""
        raise Mistake(f"{called} makes {features:,} features{why}; at most {MAX_FEATURES:,} are allowed.")
    if features * rows > MAX_NUMBERS:
        raise Mistake(
            f"{called} makes {features:,} features in {rows:,} rows, {features * rows:,} numbers; at most "
            f"{MAX_NUMBERS:,} are allowed."
        )


def _transformer(columns: _Columns) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    categories = make_pipeline(
        SimpleImputer(strategy="constant", fill_value=MISSING),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32),
    )
    return ColumnTransformer(
        [("numbers", numbers, list(columns.numbers)), ("categories", categories, list(columns.categories))],
        sparse_threshold=0,
    )


def _said(train: pd.DataFrame, test: pd.DataFrame, columns: _Columns) -> list[str]:
    notes = []
    if columns.categories:
        notes.append(f"{counted(len(columns.categories), 'column')} of categories made one-hot: "
                     f"{listed(columns.categories, 4)}.")  # fmt: skip
    for names, filled in (
        (columns.numbers, "the column's median"),
        (columns.categories, "a category of their own"),
    ):
        empty = {name: int(train[name].isna().sum() + test[name].isna().sum()) for name in names}
        holed = [name for name, count in empty.items() if count]
        if holed:
            notes.append(f"{counted(sum(empty.values()), 'missing value')} filled with {filled}: {listed(holed, 4)}.")
    notes += [f"Left out, {why}: {listed(names, 4)}." for why, names in columns.left_out.items()]
    return notes
