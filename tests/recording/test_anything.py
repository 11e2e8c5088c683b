"""Whatever a recording's events and a worker's notes say: it is read up to where it makes no sense."""

from __future__ import annotations

import io

from hypothesis import given, settings
from hypothesis import strategies as st

from bnviz.config import SETTINGS, Arm, RunConfig
from bnviz.frames import Event
from bnviz.recording import Note, Recording, StreamWriter
from bnviz.recording.arrow import SENSELESS
from tests.support.anything import ANY, texts, values

CONFIG = RunConfig(depth=2, width=2, arms=(Arm("batch"), Arm("none")))
kinds = st.sampled_from(["change", "fork", "drop", "rename", "grow", "diverged", "rewind"]) | texts
names = st.sampled_from([*SETTINGS, "label", "place", "name", "normalization"])
changes = st.dictionaries(names, st.sampled_from(["batch", "1", "0.5", "7"]) | texts | values, max_size=3)
events = st.builds(
    Event, st.integers(-1, 9) | values, kinds, st.sampled_from(["batch", "none", None]) | values, changes
)
notes = st.builds(Note, st.sampled_from(["problem", "closeup"]) | values, texts | values, st.floats() | values)


@settings(ANY, max_examples=50)  # each writes and reads a file twice
@given(st.lists(events | notes, max_size=5))
def test_whatever_is_told_reads_up_to_where_it_makes_no_sense(told):
    sink = io.BytesIO()
    writer = StreamWriter(sink, CONFIG)
    for each in told:
        writer.write(each)
    writer.close()
    found = Recording.read(io.BytesIO(sink.getvalue()))
    assert found.damage in ("", SENSELESS)
    again = io.BytesIO()
    found.write(again)
    assert len(Recording.read(io.BytesIO(again.getvalue())).events) == len(found.events)
