// Every key of the page, declared once: what it does, and what the help sheet says of it.
import { el } from "./dom.js";
import { openFork, solo, steers, undo } from "./fork.js";
import { openShare } from "./share.js";
import { openSheet } from "./sheet.js";
import { command } from "./socket.js";
import { turn } from "./stages.js";
import { present } from "./toolbar.js";

const served = (s) => !s.data.file; // a page of its own has nobody to ask

/**
 * keys: as the browser names them, letters small; shown: how people call them; when: whether it does anything now.
 * @type {{keys: string[], shown: string, title: string, act: (s: any, key: string) => void, when?: (s: any) => boolean}[]}
 */
export const KEYS = [
  { keys: [" "], shown: "space", title: "Play or pause", act: (s) => s.play.click() },
  { keys: ["ArrowRight"], shown: "→", title: "One step on", act: (s) => command(s, "step") },
  { keys: ["ArrowLeft"], shown: "←", title: "One step back", act: (s) => command(s, "back"), when: (s) => s.data.kept },
  { keys: ["."], shown: ".", title: "Next stage of the update", act: (s) => turn(s, "next"), when: (s) => s.words.turns },
  { keys: [","], shown: ",", title: "Stage before", act: (s) => turn(s, "back"), when: (s) => s.words.turns },
  { keys: ["b"], shown: "B", title: "Flip normalization of the selected network", act: (s) => s.trigger("toggle", s.arm), when: served },
  { keys: ["f"], shown: "F", title: "Fork: a copy of the selected network goes on with something changed", act: (s) => openFork(s), when: (s) => steers(s) },
  { keys: ["u"], shown: "U", title: "Undo the last change: a copy from just before it goes on", act: (s) => undo(s), when: (s) => steers(s) },
  { keys: ["s"], shown: "S", title: "Solo: draw the selected network alone, or all again", act: (s) => solo(s), when: served },
  { keys: ["p"], shown: "P", title: "Present: the charts alone, in large type", act: (s) => present(s) },
  { keys: ["Escape"], shown: "Esc", title: "Leave Present", act: (s) => present(s, false), when: () => presenting() },
  { keys: ["q"], shown: "Q", title: "Share: a link and a QR code for the audience", act: (s) => openShare(s), when: served },
  { keys: ["?"], shown: "?", title: "This sheet", act: (s) => showKeys(s) },
];

export const presenting = () => document.documentElement.classList.contains("bnviz-present");

export function onKey(s, event) {
  const busy = event.target.closest?.("input, textarea, select, [contenteditable], [role=slider], [role=dialog], dialog");
  if (busy || event.ctrlKey || event.metaKey || event.altKey || !s.root.isConnected) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const found = KEYS.find(({ keys, when }) => keys.includes(key) && (!when || when(s)));
  if (!found || (key === " " && event.target.closest?.("button, a, summary"))) return; // the button's own space
  if (key === " " || key.startsWith("Arrow") || key.startsWith("Page")) event.preventDefault();
  if (!event.repeat || key.startsWith("Arrow")) found.act(s, key);
}

export function showKeys(s) {
  const rows = KEYS.filter(({ when }) => !when || when(s)).map(({ shown, title }) =>
    el("tr", {}, el("th", { scope: "row" }, el("kbd", {}, shown)), el("td", {}, title)));
  openSheet(s, "Keys", el("table", { class: "bnviz-keys" }, el("tbody", {}, ...rows)));
}
