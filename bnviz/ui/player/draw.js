// Drawing patches: new numbers in charts whose traces and style stay.
import { rehover } from "./panels.js";
import { canRedraw, redraw } from "./plotly_fast.js";

const INSTANT = { frame: { duration: 0, redraw: false }, transition: { duration: 0 }, mode: "immediate" };
const REDRAWN = { ...INSTANT, frame: { duration: 0, redraw: true } };
export const NUMBERS = { f4: Float32Array, f8: Float64Array, i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array, u4: Uint32Array };

/**
 * An encoded array as typed numbers, or as rows of them; anything else as it is.
 * @param {any} value
 */
export function decode(value) {
  if (!value?.bdata) return value;
  const text = atob(value.bdata), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const flat = new NUMBERS[value.dtype](bytes.buffer);
  if (!value.shape) return flat;
  const columns = Number(value.shape.split(",")[1]);
  return Array.from({ length: flat.length / columns }, (_, row) => flat.subarray(row * columns, (row + 1) * columns));
}

export const axes = (layout) => Object.fromEntries(["xaxis", "yaxis"].flatMap((axis) =>
  ["range", "dtick"].filter((key) => layout[axis]?.[key] !== undefined).map((key) => [`${axis}.${key}`, layout[axis][key]])));

// Nothing new but of the last trace.
export const lastOf = (traces, part) => traces.map((_, place) => (place === traces.length - 1 ? part : {}));

export async function drawPatch(s, message) {
  await Promise.all(Object.entries(message.figures).map(async ([id, { data: given, layout = {}, note, redraw: anew, cursor }]) => {
    const panel = s.panels.get(id), known = panel?.plot.data;
    const data = cursor && known ? lastOf(known, cursor) : given;
    if (!known || known.length !== data.length) return;
    const ranges = { ...panel.ranges, ...axes(layout) };
    const moved = JSON.stringify(ranges) !== JSON.stringify(panel.ranges) && !panel.zoomed;
    panel.ranges = ranges;
    const decoded = data.map((trace) => Object.fromEntries(Object.entries(trace).map(([key, value]) => [key, decode(value)])));
    panel.drawing = true; // Plotly reports the ranges we set as if the user had
    const tied = panel.plot.layout.yaxis?.scaleanchor; // both axes have one scale, which animate does not know of
    if ((!moved || tied) && canRedraw(panel.plot, decoded)) redraw(panel.plot, decoded);
    else await window.Plotly.animate(panel.plot, { data: decoded, traces: [...decoded.keys()], layout: moved ? layout : {} },
      anew || known.some(({ z }) => z) ? REDRAWN : INSTANT);
    if (moved && tied) await window.Plotly.relayout(panel.plot, axes(layout));
    panel.drawing = false;
    if (note !== undefined && panel.note.textContent !== note) panel.note.textContent = note;
    rehover(panel);
  }));
}
