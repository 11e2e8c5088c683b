"""Whatever a link says: a config that its own link brings back, or one sentence."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnviz.config import NORMALIZATIONS, SETTINGS, RunConfig
from bnviz.config.forgiving import forgiving_config
from tests.support.anything import ANY, refused_in_one_line, texts, values

names = st.sampled_from([*SETTINGS])
right = st.sampled_from(["1", "2", "0.5", "cnn", "own", "moons", "mean_squared_error", "sgd", "0.5-4", "-0.0"])
labels = st.builds(
    "{}{}".format, st.sampled_from([*NORMALIZATIONS]), st.sampled_from(["", "+noise", "@0.1", "+pretrain"])
)
arms = st.lists(labels, min_size=1, max_size=7).map(",".join)
links = st.dictionaries(names, right | arms | texts, max_size=5)


@settings(ANY, max_examples=60)
@given(links)
def test_a_link_is_taken_as_far_as_it_is_right(link):
    config, problems = forgiving_config(link)
    assert RunConfig.from_query(config.to_query()) == config
    assert all(len(each.splitlines()) == 1 for each in problems)
    if problems:
        with pytest.raises(ValueError, match=r"\A.+\Z"):
            RunConfig.from_dict(link)
    else:
        assert RunConfig.from_dict(link) == config


@ANY
@given(st.text() | links.map(str))
def test_any_query_is_read_or_refused_in_one_line(query):
    with refused_in_one_line():
        RunConfig.from_query(query)


@ANY
@given(names, values | st.lists(st.just(None)) | st.binary() | st.complex_numbers())
def test_a_field_takes_no_value_that_is_not_allowed(name, value):
    with contextlib.suppress(ValueError):
        config = RunConfig(**{name: value})
        assert RunConfig.from_dict(config.to_dict()) == config
