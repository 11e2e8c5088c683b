"""What hypothesis tries: the same inputs each time, so that no test fails by chance."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import settings
from hypothesis import strategies as st

ANY = settings(max_examples=100, deadline=None, derandomize=True, database=None)
texts = st.text(max_size=60) | st.sampled_from(
    ["", "nan", "1e999", "9" * 5000, "٣", "\ud800", "\x00", "None", "batch@nan"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
"""Anything that JSON can say."""


@contextmanager
def refused_in_one_line() -> Iterator[None]:
    """All may be fine; a ValueError is, if it says what is wrong in one line."""
    try:
        yield
    except ValueError as error:
        said = str(error)
        if len(said.splitlines()) != 1:
            raise AssertionError(f"said {said!r}") from error
