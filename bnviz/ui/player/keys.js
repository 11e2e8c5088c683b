// Every key of the page, declared once: what it does, and what the help sheet says of it.
import { el } from "./dom.js";
import { openFork, solo, steers, undo } from "./fork.js";
import { goOn, predicts } from "./lesson.js";
import { moveLayer, moveTab, nextArm, present, presenting, typed } from "./present.js";
import { openShare } from "./share.js";
import { openSheet } from "./sheet.js";
import { command } from "./socket.js";
import { turn } from "./stages.js";
import { backward, forward, seek, setLog, showEvents } from "./timeline.js";

const served = (s) => !s.data.file; // a page of its own has nobody to ask

/**
 * keys: as the browser names them, letters small; shown: how people call them; when: whether it does anything
 * now; presenting: it does so in Present alone.
 * @type {{keys: string[], shown: string, title: string, act: (s: any, key: string, shift: boolean) => void,
 *   when?: (s: any, key?: string) => boolean, presenting?: boolean}[]}
 */
export const KEYS = [
  { keys: ["1", "2", "3", "4", "5", "6", "7"], shown: "1 – 7", title: "Predict the answer of that number",
    act: (s, key) => s.trigger("lesson", { say: Number(key) - 1 }),
    when: (s, key) => (key ? predicts(s, key) : s.data.lesson?.open) },
  { keys: ["n"], shown: "N, Shift+N", title: "On, or back, in the lesson", act: (s, key, shift) => goOn(s, shift ? -1 : 1), when: (s) => s.data.lesson },
  { keys: [" "], shown: "space", title: "Play or pause", act: (s) => s.play.click() },
  { keys: ["ArrowRight"], shown: "→", title: "One step on: of training, or in the past to the next that was measured", act: (s) => forward(s) },
  { keys: ["ArrowLeft"], shown: "←", title: "Back to the step measured before", act: (s) => backward(s) },
  { keys: ["l"], shown: "L", title: "Live: to the newest step", act: (s) => seek(s, null) },
  { keys: ["."], shown: ".", title: "Next stage of the update", act: (s) => turn(s, "next"), when: (s) => s.words.turns },
  { keys: [","], shown: ",", title: "Stage before", act: (s) => turn(s, "back"), when: (s) => s.words.turns },
  { keys: ["b"], shown: "B", title: "Flip normalization of the selected network", act: (s) => s.trigger("toggle", s.arm), when: served },
  { keys: ["f"], shown: "F", title: "Fork: a copy of the selected network goes on with something changed", act: (s) => openFork(s), when: (s) => steers(s) },
  { keys: ["u"], shown: "U", title: "Undo what was done last: a fork is dropped, of a change a copy from before goes on", act: (s) => undo(s), when: (s) => steers(s) },
  { keys: ["s"], shown: "S", title: "Solo: draw the selected network alone, or all again", act: (s) => solo(s), when: (s) => s.arms.length > 1 },
  { keys: ["r"], shown: "R", title: "Restart", act: (s) => command(s, "restart") },
  { keys: ["a"], shown: "A", title: "Select the next network", act: (s) => nextArm(s) },
  { keys: ["e"], shown: "E", title: "What happened when, to go there", act: (s) => showEvents(s) },
  { keys: ["x"], shown: "X", title: "Steps on a logarithmic or a linear scale", act: (s) => setLog(s, !s.view.log_steps) },
  { keys: ["["], shown: "[", title: "The tab before", act: (s) => moveTab(s, -1) },
  { keys: ["]"], shown: "]", title: "The next tab", act: (s) => moveTab(s, 1) },
  { keys: ["p"], shown: "P", title: "Present: the charts alone, in large type", act: (s) => present(s) },
  { keys: [..."123456789"], shown: "1 to 9", title: "The chart of this number alone, large; 1, then at once 0, is the tenth",
    act: (s, key) => typed(s, Number(key)), presenting: true },
  { keys: ["0"], shown: "0", title: "All charts", act: (s) => typed(s, 0), presenting: true },
  { keys: ["ArrowUp"], shown: "↑", title: "Over steps: the layer above", act: (s) => moveLayer(s, -1), presenting: true },
  { keys: ["ArrowDown"], shown: "↓", title: "Over steps: the layer below", act: (s) => moveLayer(s, 1), presenting: true },
  { keys: ["PageDown"], shown: "Page Down", title: "On in the lesson, or to the next tab: also by a clicker", act: (s) => page(s, 1), presenting: true },
  { keys: ["PageUp"], shown: "Page Up", title: "Back in the lesson, or to the tab before", act: (s) => page(s, -1), presenting: true },
  { keys: ["Escape"], shown: "Esc", title: "Leave Present", act: (s) => present(s, false), presenting: true },
  { keys: ["q"], shown: "Q", title: "Share: a link and a QR code for the audience", act: (s) => openShare(s), when: served },
  { keys: ["?"], shown: "?", title: "This sheet", act: (s) => showKeys(s) },
];

const page = (s, by) => (s.data.lesson ? goOn(s, by) : moveTab(s, by));

export function onKey(s, event) {
  if (event.key === "?" && s.sheet && !event.target.closest?.("input, textarea")) return s.sheet.close(); // Escape would leave full screen
  const timeline = event.target === s.slider && event.key.length === 1; // it takes arrows, and no letters
  const busy = !timeline && event.target.closest?.("input, textarea, select, [contenteditable], [role=slider], [role=dialog], dialog");
  if (busy || event.ctrlKey || event.metaKey || event.altKey || !s.root.isConnected) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const found = KEYS.find(({ keys, when, presenting: needed }) => keys.includes(key) && (!when || when(s, key)) && (!needed || presenting()));
  if (!found || (key === " " && event.target.closest?.("button, a, summary"))) return; // the button's own space
  if (key === " " || key.startsWith("Arrow") || key.startsWith("Page")) event.preventDefault();
  if (!event.repeat || key.startsWith("Arrow")) found.act(s, key, event.shiftKey);
}

export function showKeys(s) {
  const table = (own) => el("table", { class: "bnviz-keys" }, el("tbody", {}, ...KEYS.filter(own).map(({ shown, title }) =>
    el("tr", {}, el("th", { scope: "row" }, el("kbd", {}, shown)), el("td", {}, title)))));
  const now = ({ when }) => !when || when(s);
  openSheet(s, "Keys", el("div", { class: "bnviz-two" }, table((key) => now(key) && !key.presenting),
    el("div", {}, el("h3", {}, "In Present"), table((key) => now(key) && key.presenting))));
}
