// The timeline: which step is shown, and what happened when.
import { armColor, el } from "./dom.js";
import { look } from "./panels.js";
import { fit } from "./player.js";
import { replay } from "./replay.js";
import { openSheet } from "./sheet.js";
import { command, send } from "./socket.js";

const BREATH = 30; // milliseconds between two seeks while the slider is dragged: the newest wins
const NEAR = 30; // pixels: marks nearer to each other than that are one
const LETTER = 0.58; // of the type's size: the width of a letter, for the room that a name takes
const BIG_STEP = 10; // measured steps that Page Up and Page Down go on the slider

export function buildTimeline(s) {
  s.known = { first: 0, last: 0, events: [] };
  s.first = el("span");
  s.slider = el("input", { type: "range", min: 0, max: 0, "aria-label": "Step shown", oninput: () => seek(s, toStep(s, Number(s.slider.value))),
    onkeydown: (event) => onSliderKey(s, event) });
  s.marks = el("div", { class: "bnviz-marks" });
  s.log = el("button", { class: "bnviz-live", "aria-pressed": "false", title: "Steps on a logarithmic scale, here and in the charts",
    onclick: () => setLog(s, !s.view.log_steps) }, "log");
  s.live = el("button", { class: "bnviz-live", onclick: () => seek(s, null) }, "Live");
  return el("div", { class: "bnviz-timeline" }, s.first, el("div", {}, s.marks, s.slider), s.log, s.live);
}

// ---- where a step lies: at itself, or at log(1 + step), as in the charts ----
const toPlace = (s, step) => (s.view.log_steps ? Math.log10(1 + step) : step);
const toStep = (s, place) => Math.round(s.view.log_steps ? 10 ** place - 1 : place);

function portion(s, step) {
  const [low, high] = [toPlace(s, s.known.first), toPlace(s, s.known.last)];
  return high > low ? Math.min(1, Math.max(0, (toPlace(s, step) - low) / (high - low))) : 0;
}

export function setLog(s, on) {
  look(s, { log_steps: on });
  s.log.ariaPressed = String(on);
  showTimeline(s, s.known);
}

export function showTimeline(s, known) {
  const { first, last, shown, live, events } = (s.known = known);
  s.changed = events.length > 0;
  fit(s); // what stands above may have come or gone
  s.last = last;
  s.shown = live ? last : shown;
  Object.assign(s.slider, { step: s.view.log_steps ? "any" : 1, min: toPlace(s, first), max: toPlace(s, last) });
  if (!s.slider.matches(":active")) s.slider.value = toPlace(s, shown ?? last);
  s.slider.setAttribute("aria-valuetext", `step ${shown} of ${last}`);
  s.slider.style.setProperty("--done", `${100 * portion(s, toStep(s, Number(s.slider.value)))}%`);
  s.first.textContent = first;
  s.live.ariaPressed = String(live);
  showMarks(s);
}

// ---- marks: a button each, with its name where there is room; those that stand too near to each other are one ----
export function showMarks(s) {
  const width = s.marks.clientWidth, size = parseFloat(getComputedStyle(s.marks).fontSize) || 14;
  const groups = grouped(s.known.events, (event) => portion(s, event.step) * width, NEAR);
  const key = JSON.stringify([groups, width, size]);
  if (s.marks.dataset.key === key) return;
  s.marks.dataset.key = key;
  while (s.marks.children.length > groups.length) s.marks.lastChild.remove();
  let taken = 0; // up to where the row is full
  groups.forEach(({ at, events }, index) => {
    const button = s.marks.children[index] ?? s.marks.appendChild(el("button", { class: "bnviz-event" })); // the focus stays
    const [one] = events, more = events.length > 1;
    const name = more ? `${events.length} events` : one.name;
    const wanted = (name.length + 2) * LETTER * size, right = (groups[index + 1]?.at ?? width + size) - at - 4, left = at - taken - 4;
    const back = right < wanted && left > right;
    const room = Math.max(0, Math.min(wanted, back ? left : right));
    taken = back ? at : at + room;
    button.className = `bnviz-event ${back ? "bnviz-back" : ""}`;
    button.style.cssText = `left: ${at}px; max-width: ${Math.max(NEAR - 4, room)}px; ${(!more && armColor(one)) || ""}`;
    button.title = events.map(({ text }) => text).join("\n");
    button.ariaLabel = more ? `${name}, steps ${one.step} to ${events.at(-1).step}` : `${name}, ${one.text}`;
    button.textContent = room > 4 * size ? name : more ? events.length : "";
    button.onclick = () => (more ? showEvents(s, events) : seek(s, one.look));
  });
}

/**
 * Things along a line, those together that are nearer to the one before than `near`.
 * @param {any[]} events
 * @param {(event: any) => number} place
 * @param {number} near
 * @returns {{at: number, events: any[]}[]}
 */
export function grouped(events, place, near) {
  const groups = [];
  for (const event of [...events].sort((a, b) => a.step - b.step)) {
    const at = place(event), last = groups.at(-1);
    if (last && at - last.at < near) last.events.push(event);
    else groups.push({ at, events: [event] });
  }
  return groups;
}

export function showEvents(s, events = s.known.events) {
  const lines = events.map((event) => el("li", {}, el("button", { class: "bnviz-button", style: armColor(event),
    onclick: () => { s.sheet?.close(); seek(s, event.look); } }, event.name), el("span", {}, event.text)));
  openSheet(s, "Events", lines.length ? el("ul", { class: "bnviz-ways" }, ...lines) : "Nothing has happened to this run yet.");
}

// ---- moving ----
export function seek(s, step) {
  s.sought = step === null || step >= s.last ? null : step;
  s.past = s.sought !== null;
  if (s.breathing) return;
  const told = s.sought;
  send(s, { seek: told });
  s.breathing = setTimeout(() => { s.breathing = null; if (s.sought !== told) seek(s, s.sought); }, BREATH);
}

// On: in the past to the next step that was measured, else by training.
export function forward(s) {
  if (s.past && !s.data.kept) send(s, { move: 1 });
  else command(s, "step");
}

export function backward(s) {
  if (s.data.kept) return replay(s, "back");
  s.past = true;
  send(s, { move: -1 });
}

// A slider's own keys go by one step, most of which are not measured.
function onSliderKey(s, event) {
  const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -BIG_STEP, PageUp: BIG_STEP }[event.key];
  if (by) send(s, { move: by });
  else if (event.key === "Home") seek(s, s.known.first);
  else if (event.key === "End") seek(s, null);
  else return;
  event.preventDefault();
  event.stopPropagation();
}
