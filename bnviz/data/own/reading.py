"""A file of somebody's own, read: CSV, Parquet or NPZ in, a table out, and images where there are some."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bnviz.config.own import MAX_CHANNELS, MAX_COLUMNS, MAX_FEATURES, MAX_ROWS, MAX_SIDE
from bnviz.data.own import text
from bnviz.data.own.mistake import Mistake, listed
from bnviz.data.parts import Array

if TYPE_CHECKING:
    import pandas as pd

MAX_MEGABYTES = 20
LONGEST_NAME = 100
"""Letters of a column's name."""
MAX_NUMBERS = 50_000_000
"""Rows times features: 200 MB as float32."""


@dataclass(frozen=True)
class Contents:
    """What a file holds."""

    called: str
    """The file's name."""

    table: pd.DataFrame
    """All columns; of images the targets alone."""

    images: Array | None = None
    """[n, C, H, W]"""

    notes: tuple[str, ...] = ()
    """What was done to read it, a sentence each."""


def read(path: Path, called: str | None = None) -> Contents:
    """What a file holds; called: its name for people, if not that of the path.

    Errors: OSError; Mistake, which says what was given and what is allowed.
    """
    called = called or path.name
    kind = path.suffix.lower()
    if kind not in READERS:
        raise Mistake(f"{called} is no file of a kind that can be read: {listed(READERS)} can.")
    size = path.stat().st_size
    if not size:
        raise Mistake(f"{called} is empty; a row for each sample is needed.")
    if size > MAX_MEGABYTES * 2**20:
        raise Mistake(f"{called} has {size / 2**20:.1f} MB; at most {MAX_MEGABYTES} are allowed.")
    raw = path.read_bytes()
    try:
        contents = READERS[kind](raw, called)
    except (Mistake, MemoryError):
        raise
    except Exception as error:  # a damaged file can make its reader raise anything
        raise Mistake(f"{called} could not be read: it is damaged, or no {kind[1:].upper()} file.") from error
    _check_table(contents)
    return contents


def _check_table(contents: Contents) -> None:
    called, table = contents.called, contents.table
    names = [str(name) for name in table.columns]
    if not len(table):
        raise Mistake(f"{called} has no rows; a row for each sample is needed.")
    _check_rows(called, len(table))
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise Mistake(f"{called} has more than one column called {listed(twice)}; each name may be there once.")
    if long := [name for name in names if len(name) > LONGEST_NAME]:
        raise Mistake(f"The column {listed(long, 1)} of {called} has a name of {len(long[0]):,} letters; at most "
                      f"{LONGEST_NAME} are allowed.")  # fmt: skip
    if contents.images is None and len(names) < 2:
        raise Mistake(f"{called} has one column, {listed(names)}; a target and at least one feature are needed.")


def _check_rows(called: str, rows: int) -> None:
    if rows > MAX_ROWS:
        raise Mistake(f"{called} has {rows:,} rows; at most {MAX_ROWS:,} are allowed.")


def _csv(raw: bytes, called: str) -> Contents:
    table, notes = text.table(raw, called)
    return Contents(called, table, notes=notes)


def _parquet(raw: bytes, called: str) -> Contents:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(io.BytesIO(raw)) as file:
        _check_rows(called, file.metadata.num_rows)  # before they are unpacked
        if (columns := file.metadata.num_columns) > MAX_COLUMNS:
            raise Mistake(f"{called} has {columns:,} columns; at most {MAX_COLUMNS:,} are allowed.")
        unpacked = file.read()
    for place, field in enumerate(unpacked.schema):
        if pa.types.is_decimal(field.type):
            unpacked = unpacked.set_column(place, field.name, unpacked.column(place).cast(pa.float64()))
    if twice := [name for name, count in Counter(unpacked.column_names).items() if count > 1]:
        raise Mistake(f"{called} has more than one column called {listed(twice)}; each name may be there once.")
    # Without the metadata an index is a column as any other.
    return Contents(called, unpacked.to_pandas(ignore_metadata=True, date_as_object=False))


def _npz(raw: bytes, called: str) -> Contents:
    import numpy as np

    with zipfile.ZipFile(io.BytesIO(raw)) as packed:
        size = sum(member.file_size for member in packed.infolist())
    if size > 8 * MAX_NUMBERS:
        raise Mistake(f"{called} unpacks to {size / 1e6:,.0f} MB; at most {8 * MAX_NUMBERS / 1e6:,.0f} are allowed.")
    with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
        if not {"x", "y"} <= set(arrays.files):
            found = listed(arrays.files) or "none"
            raise Mistake(f"{called} must hold two arrays called x and y, got {found}: np.savez('{called}', x=x, y=y).")
        x, y = (_plain(called, name, arrays) for name in ("x", "y"))
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y):
        raise Mistake(f"{called} must have as many rows in x as in y, got shapes {x.shape} and {y.shape}.")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise Mistake(f"y of {called} must be of shape (n,), a target for each row of x, got {y.shape}.")
    _check_rows(called, len(x))
    return _of_arrays(called, x, y)


def _plain(called: str, name: str, arrays: dict[str, Array]) -> Array:
    """One array of an NPZ, if it holds numbers, or text in y."""
    try:
        array = arrays[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise Mistake(
            f"{name} of {called} is an array of Python objects, which are not read, as they could hold programs; "
            "numbers are allowed, and text in y."
        ) from None
    if array.dtype.kind not in ("biufU" if name == "y" else "biuf"):
        allowed = "numbers or text" if name == "y" else "numbers"
        raise Mistake(f"{name} of {called} must hold {allowed}, got {array.dtype}.")
    return array


def _of_arrays(called: str, x: Array, y: Array) -> Contents:
    import pandas as pd

    if x.ndim == 2:
        if x.shape[1] > MAX_FEATURES:
            raise Mistake(f"x of {called} has {x.shape[1]:,} features; at most {MAX_FEATURES:,} are allowed.")
        table = pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])])
        return Contents(called, table.assign(y=y))
    notes: tuple[str, ...] = ()
    if x.ndim == 3:
        x = x[:, None]
    elif x.ndim == 4 and x.shape[1] > MAX_CHANNELS >= x.shape[3]:
        x, notes = x.transpose(0, 3, 1, 2), (f"x is of shape {x.shape}: its last axis was taken for the channels.",)
    if x.ndim != 4:
        raise Mistake(f"x of {called} must be of shape (n, features), (n, h, w) or (n, c, h, w), got {x.shape}.")
    if not (1 <= x.shape[1] <= MAX_CHANNELS and min(x.shape[2:]) >= 1 and max(x.shape[2:]) <= MAX_SIDE):
        raise Mistake(
            f"Images may have up to {MAX_CHANNELS} channels of {MAX_SIDE}×{MAX_SIDE} pixels, got {x.shape[1]} of "
            f"{x.shape[2]}×{x.shape[3]} in {called}."
        )
    return Contents(called, pd.DataFrame({"y": y}), x, notes)


READERS = {".csv": _csv, ".parquet": _parquet, ".npz": _npz}
KINDS = tuple(READERS)
"""Ends of the names of files that can be read."""
