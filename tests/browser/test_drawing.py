"""The fast way of drawing new numbers gives the picture that Plotly.animate gives."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bnviz import charts
from bnviz.charts import View
from bnviz.frames import Event
from bnviz.serve import app
from bnviz.serve.player import script
from tests.charts.test_charts import scene
from tests.charts.test_slow import seen

pytestmark = pytest.mark.browser
DRAW = """
async ([before, after]) => {
  const plots = ["fast", "slow"].map((id) => document.getElementById(id));
  for (const plot of plots)
    await Plotly.newPlot(plot, structuredClone(before.data), { ...before.layout, width: 700, height: 500 });
  const decoded = (trace) => Object.fromEntries(Object.entries(trace).map(([key, value]) => [key, decode(value)]));
  const data = (after.cursor ? lastOf(plots[0].data, after.cursor) : after.data).map(decoded);
  const fast = canRedraw(plots[0], data);
  if (fast) redraw(plots[0], data);
  else await Plotly.animate(plots[0], { data: structuredClone(data), traces: [...data.keys()], layout: {} }, INSTANT);
  const animated = { data: structuredClone(data), traces: [...data.keys()], layout: {} };
  await Plotly.animate(plots[1], animated, after.redraw ? REDRAWN : INSTANT);
  await new Promise(requestAnimationFrame);
  const names = after.redraw ? ["d", "href", "width", "height", "x", "y"] : ["d", "style", "transform"];
  const what = after.redraw ? ".heatmaplayer image, .scatterlayer path" : ".cartesianlayer path, .cartesianlayer g";
  const look = (node) => names.map((name) => node.getAttribute(name));
  const picture = (plot) => [...plot.querySelectorAll(what)].map(look);
  const points = (plot) => plot.calcdata.map((trace) => trace.map(({ x, y }) => [x, y]));
  return { fast, pictures: plots.map(picture), points: plots.map(points) };
}
"""


VIEWS = [(View(), 2), (View(values="input"), 20), (View(tab="time"), 2)]


@pytest.mark.parametrize(("view", "depth"), VIEWS)
def test_the_fast_way_draws_what_plotly_draws(page, view, depth):
    whole = charts.figures(scene(depth=depth, steps=6), view)["figures"]
    compared(page, whole, charts.patch(scene(depth=depth, steps=9), view, series=True))


@pytest.mark.parametrize(("view", "depth"), VIEWS)
def test_a_line_that_alone_moves_is_drawn_as_plotly_draws_it_and_the_rest_stays(page, view, depth):
    there = scene(depth=depth, steps=9, events=[Event(20, "change", "none", {"normalization": "batch"})])
    before, after = (replace(there, current=there.steps[at]) for at in (3, 5))
    moved = charts.at_step(after, view)
    for name, figure in charts.figures(before, view)["figures"].items():
        moved[name] = moved[name] | {"redraw": any("z" in trace for trace in figure["data"])}
    compared(page, charts.figures(before, view)["figures"], moved)


def compared(page, whole, later):
    """Draw figures, and then what is later, in both ways."""
    page.set_content('<div id="fast"></div><div id="slow"></div>')
    page.add_script_tag(path=Path(app.__file__).parent / "plotly-cartesian.min.js")
    page.add_script_tag(content=script().replace("export default", "const component ="))
    drawn = 0
    for name, figure in whole.items():
        result = page.evaluate(DRAW, json.loads(json.dumps([figure, later[name]])))
        fast, slow = result["pictures"]
        assert fast == slow, name
        assert fast
        assert name.startswith("density") == any("data:image" in str(node) for node in fast)
        assert result["points"][0] == result["points"][1], name
        drawn += result["fast"]
    assert drawn > len(whole) / 2, "most charts take the fast way"


BORDER = """
async ([figure, z]) => {
  const plot = document.getElementById("fast"), [heat, border, ...points] = figure.data;
  const far = { z: z.map((row) => row.map(() => 0.2)) }; // a class that is nowhere the more probable one: no border
  const layout = { ...figure.layout, width: 700, height: 500 };
  await Plotly.newPlot(plot, [{ ...heat, ...far }, { ...border, ...far }, ...points], layout);
  const data = [{ z }, { z }, ...points.map(({ x, y }) => ({ x: decode(x), y: decode(y) }))];
  const fast = canRedraw(plot, data);
  redraw(plot, data);
  const look = ({ style }) => [style.fill, style.stroke, style.strokeWidth];
  const drawn = [...plot.querySelectorAll(".contourlevel path")].map(look);
  return { fast, drawn, images: plot.querySelectorAll(".heatmaplayer image").length };
}
"""


def test_a_border_that_was_not_there_before_is_a_line_at_once(page):
    plane = seen("moons")
    figure = charts.figures(plane, View(tab="plane"))["figures"]["surface-1"]
    page.set_content('<div id="fast"></div>')
    page.add_script_tag(path=Path(app.__file__).parent / "plotly-cartesian.min.js")
    page.add_script_tag(content=script().replace("export default", "const component ="))
    z = np.linspace(0, 1, plane.plane.surfaces[1].probability.size).reshape(plane.plane.surfaces[1].probability.shape)
    result = page.evaluate(BORDER, [json.loads(json.dumps(figure)), z.tolist()])
    assert result["fast"]
    assert result["images"] == 1
    assert result["drawn"]
    for fill, stroke, width in result["drawn"]:
        assert (fill, width) == ("none", "1.6px")
        assert stroke not in ("", "none")
