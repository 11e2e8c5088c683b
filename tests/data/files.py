"""Files of somebody's own, written on the spot."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import sklearn.datasets

SHIPPED = Path(sklearn.datasets.__file__).parent / "data"


def table(rows: int = 40, **columns: Any) -> dict[str, list[Any]]:
    """Columns that make a set of two classes; a keyword adds or replaces one."""
    usual = {
        "size": [round(i * 0.37 % 5, 2) for i in range(rows)],
        "kind": ["abc"[i % 3] for i in range(rows)],
        "label": ["yes" if i % 4 else "no" for i in range(rows)],
    }
    kept = {name: values for name, values in {**usual, **columns}.items() if values is not None}
    return kept


def write(path: Path, columns: dict[str, list[Any]], **how: Any) -> Path:
    """Write a CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, **how)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def parquet(path: Path, columns: dict[str, Any]) -> Path:
    """Write a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(columns), path)
    return path


def images(path: Path, *shape: int, **arrays: Any) -> Path:
    """Write an NPZ of images of this shape with classes; a keyword replaces an array."""
    rng = np.random.default_rng(0)
    usual = {"x": rng.integers(0, 256, shape).astype(np.uint8), "y": np.arange(shape[0]) % 3}
    np.savez(path, **{**usual, **arrays})
    return path
