"""Whatever a client says that it looks at is a view."""

from __future__ import annotations

from dataclasses import asdict, fields

from hypothesis import given
from hypothesis import strategies as st

from bnviz.charts.view import View
from tests.support.anything import ANY, values

names = st.sampled_from([each.name for each in fields(View)])


@ANY
@given(st.dictionaries(names, values, max_size=8) | values)
def test_any_value_makes_a_view_that_comes_back_the_same(told):
    view = View.from_dict(told)
    assert isinstance(hash(view), int)
    assert View.from_dict(asdict(view)) == view
