"""Charts of runs that are long, or that go far: what is left out is said, and what is typical stays in sight."""

from __future__ import annotations

import numpy as np
import pytest

from bnviz.charts import View, figures
from bnviz.charts.tabs.over_time import _reach
from tests.charts.test_charts import decode, scene


@pytest.mark.parametrize(("steps", "said"), [(200, False), (201, True), (401, True)])
def test_a_chart_that_leaves_out_steps_says_so(steps, said):
    there = scene(depth=2, steps=steps, landscape="0.5-4")
    words = f"1 in {-(-steps // 200)} of {steps} measured steps"
    for tab, panel in (("time", "unit"), ("landscape", "landscape-loss"), ("updates", "updates-0")):
        figure = figures(there, View(tab=tab))["figures"][panel]
        assert (words in figure["note"]) == said
        lengths = [len(decode(trace["x"])) for trace in figure["data"] if isinstance(trace["x"], dict)
                   and trace["mode"] == "lines" and trace.get("hoverinfo") != "skip"]  # fmt: skip
        drawn_steps = max(lengths)
        assert drawn_steps == -(-steps // (-(-steps // 200)))


def test_an_axis_of_percentiles_cuts_off_no_median_where_bands_are_of_many_widths():
    narrow, wide = ([-0.01, 0.0, 0.01], [-1.0, 0.1, 1.2])
    low, high = _reach([np.tile(band, (20, 1)) for band in (narrow, narrow, wide)])
    assert low <= -1.0
    assert high >= 1.2
    wanders = np.linspace(-3, 3, 20)[:, None] + np.array(narrow)
    low, high = _reach([np.tile(narrow, (20, 1)), wanders])
    assert low <= -3
    assert high >= 3
    explodes = np.tile(narrow, (100, 1))
    explodes[-2:] = [-1e9, 1e9, 2e9]
    assert max(_reach([explodes, np.full((100, 3), np.nan)])) < 1
    assert _reach([np.full((2, 3), np.nan)]) == (-4, 4)
