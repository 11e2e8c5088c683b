"""Data of somebody's own as a setting: a name that tells what must be known of a set before it is loaded.

`own-<16 digits of a hash>-<shape>-<classes>-<training samples>-<share of the commonest class, per mille>`, such as
`own-0123456789abcdef-1x8x8-10-1438-101`. The file itself stays where it was prepared, in `bnviz.data.own.store`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bnviz.config.catalog import CATALOG, DataSet
from bnviz.config.settings import Choice

MAX_ROWS = 200_000
MAX_FEATURES = 2000
MAX_COLUMNS = 2 * MAX_FEATURES
"""Of a file; some may be left out."""
MAX_CLASSES = 1000
MAX_CHANNELS, MAX_SIDE = 4, 64
"""Of images."""

_NAME = re.compile(r"own-([0-9a-f]{16})-([0-9]{1,4}(?:x[0-9]{1,2}x[0-9]{1,2})?)-([0-9]{1,4})-([0-9]{1,6})-([0-9]{1,4})")


def own_name(digest: str, data: DataSet) -> str:
    """The name of a set; digest: 16 hexadecimal digits that no other set has."""
    shape = "x".join(map(str, data.shape))
    return f"own-{digest}-{shape}-{data.classes}-{data.samples}-{round(1000 * (data.commonest or 0))}"


@lru_cache(256)
def data_set(name: str) -> DataSet:
    """What is known of the set of this name, one of the catalog or somebody's own. Errors: ValueError for any other."""
    if name in CATALOG:
        return CATALOG[name]
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"Unknown data set {name!r}. Data sets: {', '.join(CATALOG)}.")
    digest, shape, *numbers = found.groups()
    classes, samples, permille = map(int, numbers)
    data = DataSet("Your own", tuple(map(int, shape.split("x"))), classes, samples, permille / 1000 or None)
    if own_name(digest, data) != name or not _within_limits(data):
        raise ValueError(f"Unknown data set {name!r}: no file of anybody's can have this name.")
    return data


def _within_limits(data: DataSet) -> bool:
    channels, *size = data.shape
    small = channels <= MAX_CHANNELS and max(size) <= MAX_SIDE if size else channels <= MAX_FEATURES
    counted = min(data.shape) >= 1 and 1 <= data.samples <= MAX_ROWS
    shares = 0 < (data.commonest or 0) <= 1 if data.classes else data.commonest is None
    return small and counted and shares and data.classes != 1 and data.classes <= MAX_CLASSES


@dataclass(frozen=True)
class DataName(Choice):
    """A name of the catalog, or that of a set of somebody's own; never a path."""

    @property
    def allowed(self) -> str:
        """What may be given, in words."""
        return f"{super().allowed}, or the name that bnviz gives to a file of your own (own-...)"

    def check(self, value: Any) -> str:
        """The value itself; ValueError when it is not one of the allowed."""
        data_set(value)
        return str(value)
