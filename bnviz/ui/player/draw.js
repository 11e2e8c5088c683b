// Drawing patches: new numbers in charts whose traces and style stay. One script with player.js, which follows it.
const INSTANT = { frame: { duration: 0, redraw: false }, transition: { duration: 0 }, mode: "immediate" };
const REDRAWN = { ...INSTANT, frame: { duration: 0, redraw: true } };
const NUMBERS = { f4: Float32Array, f8: Float64Array, i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array, u4: Uint32Array };

// With every draw Plotly searches its schema for what is an array in each trace, which took a third of the time of
// a draw. Between scenes that does not change.
const arrays = new Map(); // by the trace's uid
function rememberArrays() {
  const schema = window.Plotly.PlotSchema, find = schema.findArrayAttributes;
  schema.findArrayAttributes = (trace) => {
    if (!trace.uid) return find(trace);
    if (!arrays.has(trace.uid)) arrays.set(trace.uid, find(trace));
    return arrays.get(trace.uid);
  };
}

function decode(value) {
  if (!value?.bdata) return value;
  const text = atob(value.bdata), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const flat = new NUMBERS[value.dtype](bytes.buffer);
  if (!value.shape) return flat;
  const columns = Number(value.shape.split(",")[1]);
  return Array.from({ length: flat.length / columns }, (_, row) => flat.subarray(row * columns, (row + 1) * columns));
}

// What Plotly.animate does with an instant frame, but for working out every default of the figure anew, which took
// another third. Only scatter traces are known to need no more than this.
function redraw(plot, data) {
  const { _fullData: full, _fullLayout: layout } = plot;
  data.forEach((part, index) => {
    Object.assign(plot.data[index], part);
    Object.assign(full[index], part);
    if (part.x && part.y) full[index]._length = Math.min(part.x.length, part.y.length);
  });
  plot.calcdata = full.map((trace) => {
    const points = trace.visible ? trace._module.calc(plot, trace) : [];
    if (!points[0]) points[0] = { x: undefined, y: undefined };
    Object.assign(points[0], { t: points[0].t ?? {}, trace });
    return points;
  });
  for (const module of layout._basePlotModules) module.plot(plot);
}

// A trace without points has no style yet: for its first points Plotly must work it out.
const scatters = (plot, data) => plot._fullLayout?._basePlotModules && plot._fullData.length === data.length
  && plot._fullData.every((trace, index) => trace.type === "scatter" && trace.visible === data[index].x?.length > 0);

const axes = (layout) => Object.fromEntries(["xaxis", "yaxis"].flatMap((axis) =>
  ["range", "dtick"].filter((key) => layout[axis]?.[key] !== undefined).map((key) => [`${axis}.${key}`, layout[axis][key]])));

async function drawPatch(s, message) {
  await Promise.all(Object.entries(message.figures).map(async ([id, { data, traces, layout, note, redraw: anew }]) => {
    const panel = s.panels.get(id);
    if (!panel?.plot.data || panel.plot.data.length !== data.length) return;
    const ranges = { ...panel.ranges, ...axes(layout) };
    const moved = JSON.stringify(ranges) !== JSON.stringify(panel.ranges) && !panel.zoomed;
    panel.ranges = ranges;
    const decoded = data.map((trace) => Object.fromEntries(Object.entries(trace).map(([key, value]) => [key, decode(value)])));
    panel.drawing = true; // Plotly reports the ranges we set as if the user had
    if (!moved && !anew && scatters(panel.plot, decoded)) redraw(panel.plot, decoded);
    else await window.Plotly.animate(panel.plot, { data: decoded, traces, layout: moved ? layout : {} }, anew ? REDRAWN : INSTANT);
    panel.drawing = false;
    if (panel.note.textContent !== note) panel.note.textContent = note;
    rehover(panel);
  }));
}
