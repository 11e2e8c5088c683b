// A recording in a file of its own: what a server would send is in the file, made by Python; here it is only put together.
import { el } from "../../ui/player/dom.js";
import { NUMBERS } from "../../ui/player/draw.js";
import player from "../../ui/player/player.js";

const stored = (id) => Uint8Array.from(atob(document.getElementById(id).textContent), (letter) => letter.charCodeAt(0));
const inflated = (bytes) => new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
const matching = (entries, view) => entries.find(({ when }) => Object.entries(when).every(([name, value]) => view[name] === value));
const at = ({ same, each }, place) => ({ ...same, ...each[place] });

/**
 * The book of bnviz.serve.takeaway.arrays: its JSON, and its arrays, each a view into the numbers of its dtype.
 * @param {ArrayBuffer} buffer
 */
export function bookOf(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const { arrays, book } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let from = 4 + length;
  const found = {};
  for (const { dtype, lengths } of arrays) {
    const size = NUMBERS[dtype].BYTES_PER_ELEMENT, count = lengths.reduce((sum, each) => sum + each, 0);
    const planes = new Uint8Array(buffer, from, size * count), bytes = new Uint8Array(size * count);
    for (let plane = 0; plane < size; plane++) for (let i = 0; i < count; i++) bytes[i * size + plane] = planes[plane * count + i];
    const all = new NUMBERS[dtype](bytes.buffer);
    let start = 0;
    found[dtype] = lengths.map((each) => all.subarray(start, (start += each)));
    from += size * count;
  }
  return { ...book, arrays: found };
}

// Terms of JSON with arrays in the place of what refers to them; new objects, since Plotly writes into some.
export function filled(book, value) {
  if (Array.isArray(value)) return value.map((each) => filled(book, each));
  if (value === null || typeof value !== "object") return value;
  if (!value.$) return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, filled(book, each)]));
  const flat = book.arrays[value.$[0]][value.$[1]], { columns } = value;
  return columns ? Array.from({ length: flat.length / columns }, (_, row) => flat.subarray(row * columns, (row + 1) * columns)) : flat;
}

const merged = (whole, part) => ({ ...whole, ...part, data: whole.data.map((trace, index) => ({ ...trace, ...part.data[index] })),
  layout: { ...whole.layout, ...Object.fromEntries(Object.entries(part.layout ?? {}).map(([axis, changes]) => [axis, { ...whole.layout[axis], ...changes }])) } });

// A figure at a step: whole, with what is of this step put in.
function figureAt(book, number, place, view) {
  const { whole, live } = book.figures[number];
  const figure = filled(book, book.shelf[matching(whole, view).figure]);
  if (live) return merged(figure, filled(book, book.shelf[matching(live[place], view).patch]));
  const cursor = filled(book, matching(book.cursors[place], view).data);
  return { ...figure, data: [...figure.data.slice(0, -1), { ...figure.data.at(-1), ...cursor }] };
}

function toldAt(book, number, place, view) {
  const { told } = book.figures[number];
  return told ? book.shelf[matching(told[place], view).said] : "";
}

// The one panel that is to be large, by its number in reading order; or all.
function alone(panels, number) {
  const order = [...panels.filter(({ group }) => group === "layers"), ...panels.filter(({ group }) => group !== "layers")];
  return number && order[number - 1] ? [order[number - 1]] : panels;
}

/**
 * What a server would send for this view at this step: all that is needed to draw it from nothing.
 * @param {any} book
 * @param {number} place
 * @param {any} view
 */
export function sceneAt(book, place, view) {
  const { tabs, legends } = book.chapters[book.chapter[place]];
  const { grids, notice, words } = tabs[view.tab];
  const found = matching(grids, view).panels.map(([description, figure]) => ({ ...book.shelf[description], figure }));
  const panels = alone(found, view.large);
  return {
    type: "scene", tab: view.tab, ...at(book.headers, place), grid: panels, layers: book.layers, ...legends[view.theme], arms: [], empty: false, notice, words,
    figures: Object.fromEntries(panels.map(({ id, figure }) => [id, figureAt(book, figure, place, view)])),
    told: Object.fromEntries(panels.map(({ id, figure }) => [id, toldAt(book, figure, place, view)])),
    sentence: book.shelf[book.words[place]], timeline: at(book.timelines, place),
    ...(view.tab === "findings" ? { findings: book.shelf[book.findings[place]] } : {}),
  };
}

// The same as a change of what is drawn already, of the same chapter and view.
export function patchAt(book, place, view) {
  const { figures, ...message } = sceneAt(book, place, view);
  const part = (trace) => Object.fromEntries(book.live.filter((name) => name in trace).map((name) => [name, trace[name]]));
  const changed = ({ data, layout: { xaxis, yaxis }, note }) => ({ data: data.map(part), traces: data.map((_, index) => index), layout: { xaxis, yaxis }, note,
    redraw: data.some(({ z }) => z) });
  return { ...message, type: "patch", figures: Object.fromEntries(Object.entries(figures).map(([id, figure]) => [id, changed(figure)])) };
}

/**
 * What takes the place of a socket: it answers from the book.
 * @param {any} book
 * @param {any} usual
 * @param {(message: any) => void} receive
 */
export function reader(book, usual, receive) {
  const last = book.steps.length - 1;
  let view = usual, place = last, drawn = "";
  const nearest = (step) => book.steps.reduce((best, each, index) => (Math.abs(each - step) < Math.abs(book.steps[best] - step) ? index : best), 0);
  return {
    readyState: 1, close: () => {},
    send: (text) => {
      const message = JSON.parse(text);
      if (message.view) view = { ...usual, ...message.view };
      if (view.large) view.stacked = true; // as a server has it: what stands alone names its layers
      if (message.seek !== undefined) place = message.seek === null ? last : nearest(message.seek);
      if (message.move) place = Math.max(0, Math.min(last, place + message.move));
      if (view.away) return;
      const wanted = JSON.stringify([book.chapter[place], view]);
      receive(wanted === drawn && !message.resync ? patchAt(book, place, view) : sceneAt(book, place, view));
      drawn = wanted;
    },
  };
}

// Light or dark as the reader's system has it, until the button is used.
function shaded(redraw) {
  const root = document.documentElement, system = matchMedia("(prefers-color-scheme: dark)");
  const put = (dark) => { root.dataset.theme = dark ? "dark" : "light"; redraw(); };
  system.addEventListener("change", (event) => put(event.matches));
  document.getElementById("theme").addEventListener("click", () => put(root.dataset.theme !== "dark"));
  put(system.matches);
}

export async function openBook() {
  const [book, plotly] = await Promise.all([inflated(stored("book")).then(bookOf), inflated(stored("plotly"))]);
  document.head.append(el("script", {}, new TextDecoder().decode(plotly)));
  const parentElement = document.getElementById("player");
  const data = { ...JSON.parse(document.getElementById("data").textContent), file: (receive) => reader(book, book.usual, receive) };
  shaded(() => player({ data, parentElement, setTriggerValue: () => {} }));
  const without = ["Share", ...(data.script ? [] : ["Save"])]; // there is no server, and only the script to be saved
  for (const name of without) parentElement.querySelector(`.bnviz-button[aria-label="${name}"]`)?.remove();
  document.body.dataset.ready = "true";
}
