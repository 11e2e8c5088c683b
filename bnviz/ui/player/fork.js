// The networks of a run: fork, undo, draw one alone, name, drop.
import { armColor, el } from "./dom.js";
import { look, selectArm } from "./panels.js";
import { openSheet } from "./sheet.js";
import { send } from "./socket.js";
import { seek } from "./timeline.js";
import { problem } from "./toolbar.js";

const LIVE = ["running", "paused", "finished"];

export const steers = (s) => Boolean(s.data.control) && !s.data.kept && !s.data.fixed;

export function buildFork(s, button) {
  s.fork = button("Fork", "F", "F", () => openFork(s));
  s.undo = button("Undo", "U", "U", () => undo(s));
  s.alone = el("button", { class: "bnviz-chip bnviz-alone", hidden: true, onclick: () => look(s, { solo: null }) });
  s.arms = [];
  s.seen = new Set();
  return [s.fork, s.undo, s.alone];
}

// Which networks there are. A new one that was asked for here is selected; the page's sidebar follows.
export function showArms(s, { arms, undo: last }) {
  const fresh = arms.find(({ label }) => !s.seen.has(label));
  for (const { label } of arms) s.seen.add(label);
  s.arms = arms;
  if (fresh && s.forking) { s.forking = false; selectArm(s, fresh.place); }
  else if (arms.length && !arms.some(({ place }) => place === s.arm)) selectArm(s, arms[0].place);
  s.fork.hidden = s.undo.hidden = !steers(s) || s.data.fixed || !arms.length;
  s.undo.disabled = !steers(s) || !last;
  s.undo.title = last ? `Undo ${last}` : "Nothing was changed or forked while these networks ran";
  showAlone(s);
  const there = JSON.stringify(arms.map(({ label }) => label).sort());
  if (!steers(s) || there === JSON.stringify([...s.data.arms].sort())) s.toldPage = null;
  else if (there !== s.toldPage) { s.toldPage = there; s.trigger("arms", there); }
}

export function showAlone(s) {
  const alone = s.arms.find(({ place }) => place === s.view.solo);
  s.alone.hidden = !alone;
  if (!alone) return;
  s.alone.textContent = "Solo ×";
  s.alone.setAttribute("style", armColor({ arm: alone.place }));
  s.alone.title = `Only ${alone.title} is drawn; press to draw all again`;
}

export function solo(s, place = s.arm) {
  look(s, { solo: s.view.solo === place ? null : place });
  showAlone(s);
}

function steer(s, message) {
  if (!LIVE.includes(s.root.dataset.status)) return problem(s, "This run has ended. Restart trains its networks again.");
  s.told = ""; // what is said to this is news, even if it was said before
  send(s, { ...message, control: s.data.control });
}

export function undo(s) {
  const arm = s.arms.find(({ place }) => place === s.arm) ?? s.arms[0];
  if (!arm) return;
  s.forking = true;
  steer(s, { command: "undo", arm: arm.label });
  seek(s, null);
}

export function openFork(s) {
  if (!steers(s) || !s.arms.length) return;
  const past = s.shown !== undefined && s.shown < s.last ? s.shown : null;
  openSheet(s, "Fork", forkForm(s, past), el("h3", { class: "bnviz-networks" }, "Networks of this run"),
    el("ul", { class: "bnviz-arms" }, ...s.arms.map((arm) => armLine(s, arm))));
}

function forkForm(s, past) {
  const there = s.arms.filter(({ normalization }) => normalization !== null);
  const chosen = there.find(({ place }) => place === s.arm) ?? there[0];
  const option = (value, text, selected) => el("option", { value, selected }, text);
  const arm = /** @type {HTMLSelectElement} */ (el("select", { onchange: () => flip() },
    ...there.map((each) => option(each.label, each.title, each === chosen))));
  const kind = /** @type {HTMLSelectElement} */ (el("select", {},
    option("", "as it is", false), ...s.data.normalizations.map(({ value, text }) => option(value, text, false))));
  const rate = /** @type {HTMLInputElement} */ (el("input", { type: "number", min: 0, max: 1000, step: "any", placeholder: "as it is" }));
  const from = /** @type {HTMLSelectElement} */ (el("select", {},
    ...(past === null ? [] : [option(past, `step ${past}, which is shown`, true)]), option("", "now", past === null)));
  const flip = () => { kind.value = there.find(({ label }) => label === arm.value)?.flipped ?? ""; };
  flip();
  const full = s.arms.length >= s.data.mostArms;
  const go = el("button", { class: "bnviz-button bnviz-main", autofocus: true, disabled: full || !there.length }, "Fork");
  return el("form", { class: "bnviz-fork", onsubmit: (event) => {
    event.preventDefault();
    const fields = { ...(kind.value && { normalization: kind.value }), ...(rate.value && { learning_rate: rate.value }) };
    s.forking = true;
    s.sheet.close();
    steer(s, { command: "fork", arm: arm.value, fields, at: from.value === "" ? null : Number(from.value) });
    seek(s, null);
  } },
  el("p", {}, full ? `A run has ${s.data.mostArms} networks at most: drop one first.` : "A copy of a network, with its weights, goes on beside the others."),
  el("label", {}, "Copy of", arm), el("label", {}, "with normalization", kind), el("label", {}, "and learning rate", rate), el("label", {}, "from", from), go);
}

function armLine(s, arm) {
  const name = /** @type {HTMLInputElement} */ (el("input", { value: arm.name, placeholder: arm.title, maxlength: 40, "aria-label": `Name of ${arm.title}`,
    onchange: () => steer(s, { command: "rename", arm: arm.label, name: name.value }) }));
  const act = (text, title, onclick, disabled = false) =>
    el("button", { class: "bnviz-button", type: "button", "aria-label": title, title, disabled, onclick }, text);
  const alone = s.view.solo === arm.place;
  const draw = () => { solo(s, arm.place); s.sheet.close(); };
  const drop = () => { steer(s, { command: "drop", arm: arm.label }); s.sheet.close(); };
  return el("li", {}, el("i", { style: armColor({ arm: arm.place }) }, "●"), name,
    alone ? act("All", "Draw all networks", draw) : act("Solo", `Solo: draw ${arm.title} alone`, draw),
    act("Drop", `Drop ${arm.title}: it is trained no further, and no longer drawn`, drop, s.arms.length < 2));
}
