// A faster way to new numbers in a chart than Plotly.animate. It writes to Plotly's insides, so they are looked for once,
// and where one is missing `canRedraw` says no.
// With every draw Plotly searches its schema for what is an array in each trace, which took a third of the time of
// a draw. Between scenes that does not change.
const arrays = new Map(); // by the trace's uid
export const forgetArrays = () => arrays.clear();

export function rememberArrays() {
  const schema = window.Plotly.PlotSchema, find = schema?.findArrayAttributes;
  if (typeof find !== "function") return;
  schema.findArrayAttributes = (trace) => {
    if (!trace.uid) return find(trace);
    if (!arrays.has(trace.uid)) arrays.set(trace.uid, find(trace));
    return arrays.get(trace.uid);
  };
}

// What Plotly.animate does with an instant frame, but for working out every default of the figure anew, which took
// another third. Only traces of these types are known to need no more than this. Animate takes a heatmap away before it
// draws it anew, and for a moment there is none.
const LINES = ["scatter"], GRIDS = ["heatmap", "contour"];

export function redraw(plot, data) {
  const { _fullData: full, _fullLayout: layout } = plot;
  const isNew = data.map(given); // the others stay as they are
  data.forEach((part, index) => {
    Object.assign(plot.data[index], part);
    Object.assign(full[index], part);
    if (LINES.includes(full[index].type) && part.x && part.y) full[index]._length = Math.min(part.x.length, part.y.length);
  });
  plot.calcdata = full.map((trace, index) => {
    if (!isNew[index]) return plot.calcdata[index];
    const points = trace.visible ? trace._module.calc(plot, trace) : [];
    if (!points[0]) points[0] = { x: undefined, y: undefined };
    Object.assign(points[0], { t: points[0].t ?? {}, trace });
    return points;
  });
  if (isNew.every(Boolean)) for (const module of layout._basePlotModules) module.plot(plot);
  else for (const name of new Set(full.filter((_, index) => isNew[index]).map(subplotOf))) redrawLines(plot, name);
  // A contour's lines are new ones, and without their style they would be filled in black.
  full.find(({ type }) => type === "contour")?._module.style(plot);
}

const given = (part) => Object.keys(part).length > 0;
const subplotOf = ({ xaxis, yaxis }) => xaxis + yaxis;

// The line at the step shown has a subplot of its own, as it has an axis of its own.
function redrawLines(plot, name) {
  const { _fullData: full, _fullLayout: { _plots: { [name]: subplot } } } = plot;
  const own = plot.calcdata.filter((_, index) => full[index].visible === true && subplotOf(full[index]) === name);
  if (own.length) own[0][0].trace._module.plot(plot, subplot, own, subplot.plot.select(".scatterlayer"));
}

let known = null;
const insides = (plot) => Array.isArray(plot.calcdata) && Array.isArray(plot._fullLayout?._basePlotModules)
  && plot._fullLayout._basePlotModules.every((module) => typeof module.plot === "function")
  && typeof plot._fullLayout._plots?.xy?.plot?.select === "function"
  && Array.isArray(plot._fullData) && plot._fullData.every((trace) => typeof trace._module?.calc === "function");

// A trace without points has no style yet: for its first points Plotly must work it out.
export function canRedraw(plot, data) {
  if (known === null) {
    known = insides(plot);
    if (!known) console.info("bnviz: this Plotly is drawn the slower way");
  }
  return known && plot._fullData.length === data.length
    && plot._fullData.every(({ type, visible }, index) => !given(data[index])
      || (LINES.includes(type) && visible === data[index].x?.length > 0)
      || (GRIDS.includes(type) && visible === true && data[index].z?.length > 0));
}
