// Charts for who listens to the page or has no pointer: a name, what the chart shows now, and keys for its rows.
import { el } from "./dom.js";
import { look } from "./panels.js";

const CALM = 3000; // milliseconds from one change of the words to the next while numbers run

// A chart can be reached with Tab; the words are read when it is, and never by themselves.
export function describable(s, id) {
  const told = el("p", { id: `bnviz-told-${id}` }), help = el("p", { id: `bnviz-help-${id}` });
  const plot = el("div", { class: "bnviz-plot", role: "img", tabindex: 0, "aria-describedby": `${told.id} ${help.id}` });
  return { plot, told, help, words: el("div", { class: "bnviz-told" }, told, help) };
}

export function showTold(s, told, status) {
  const now = performance.now();
  if (!told || (status === "running" && now - (s.toldAt ?? -CALM) < CALM)) return;
  s.toldAt = now;
  for (const [id, text] of Object.entries(told)) {
    const panel = s.panels.get(id);
    if (panel && panel.told.textContent !== text) panel.told.textContent = text;
  }
}

// Up and down choose a layer where a click on its row does.
export function onChartKey(s, panel, event) {
  const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  const rows = panel.plot.data?.find((trace) => Array.isArray(trace.text))?.text.length;
  if (!by || panel.pick !== "layer" || !rows) return;
  event.preventDefault();
  event.stopPropagation();
  const from = s.view.layer ?? (by > 0 ? -1 : rows);
  look(s, { layer: Math.max(0, Math.min(rows - 1, from + by)) });
}
