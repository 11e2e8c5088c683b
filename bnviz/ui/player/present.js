// Present: the charts alone, full screen, in type to be read from the back of a room; all of it by keys.
import { el } from "./dom.js";
import { look, selectArm } from "./panels.js";
import { chooseTab } from "./tabs.js";

const root = () => document.documentElement;
export const presenting = () => root().classList.contains("bnviz-present");

export function buildPresent(s) {
  s.presents = el("button", { class: "bnviz-button bnviz-presents", "aria-keyshortcuts": "P", onclick: () => present(s) });
  namePresent(s);
  return s.presents;
}

function namePresent(s) {
  s.presents.ariaLabel = presenting() ? "Leave Present" : "Present";
  s.presents.replaceChildren(el("span", {}, presenting() ? "Leave" : "Present"), el("kbd", { "aria-hidden": "true", "data-key": "P" }));
}

export function present(s, on = !presenting()) {
  if (on === presenting()) return;
  root().classList.toggle("bnviz-present", on);
  namePresent(s);
  // Where a frame does not allow it, the window is all there is.
  if (on) root().requestFullscreen?.().catch(() => {});
  else if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
  if (on && s.view.away) chooseTab(s, s.data.tabs.find(({ live }) => live).name);
  enlarge(s, null);
  look(s, { present: on });
}

// The page may build this component anew: whoever presents goes on presenting.
export const keepPresenting = (s) => document.fullscreenElement === root() && present(s, true);

// Escape leaves full screen before any script hears of it.
export const leftFullScreen = (s) => document.fullscreenElement || present(s, false);

const SOON = 900; // milliseconds after a digit in which the next one goes on with its number

// The chart of a number as it is typed: 1, then at once 0, is the tenth where there are so many, else 0 is all of them.
export function typed(s, digit, now = performance.now()) {
  const soon = s.digit && now - s.digit.at < SOON, both = soon ? 10 * s.digit.value + digit : 0;
  const number = both && both <= s.charts ? both : digit;
  s.digit = number < 10 ? { value: number, at: now } : null;
  enlarge(s, number || null);
}

// One chart alone, by its number in reading order; null: all of them.
export function enlarge(s, number) {
  if (number !== null && number > s.charts) return;
  s.root.classList.toggle("bnviz-one", number !== null);
  look(s, { large: number });
}

// To the tab beside; while presenting, the tabs of text are left out.
export function moveTab(s, by) {
  const tabs = s.data.tabs.filter(({ live }) => live || !presenting());
  const at = tabs.findIndex(({ name }) => name === s.tab);
  chooseTab(s, tabs[(at + by + tabs.length) % tabs.length].name);
}

export function nextArm(s) {
  const places = s.names.flatMap((name, place) => (name ? [place] : []));
  if (places.length) selectArm(s, places[(places.indexOf(s.arm) + 1) % places.length]);
}

// To the layer beside; each chart's usual one lies before the first and after the last.
export function moveLayer(s, by) {
  const to = (s.view.layer ?? (by > 0 ? -1 : s.layers)) + by;
  look(s, { layer: to < 0 || to >= s.layers ? null : to });
}
