// The timeline: which step is shown, and what happened when.
import { el } from "./dom.js";
import { fit } from "./player.js";
import { send } from "./socket.js";

export function showTimeline(s, { first, last, shown, live, events }) {
  s.changed = events.length > 0;
  fit(s); // what stands above may have come or gone
  s.last = last;
  s.shown = live ? last : shown;
  Object.assign(s.slider, { min: first, max: last });
  if (!s.slider.matches(":active")) s.slider.value = shown;
  s.slider.style.setProperty("--done", `${(100 * (s.slider.value - first)) / Math.max(1, last - first)}%`);
  s.first.textContent = first;
  s.live.ariaPressed = String(live);
  const key = JSON.stringify([events, first, last]);
  if (s.ticks.dataset.key === key) return;
  s.ticks.dataset.key = key;
  s.ticks.replaceChildren(...events.map((event) => el("i", { title: `step ${event.step}: ${event.text}`,
    style: `left: ${(100 * (event.step - first)) / Math.max(1, last - first)}%` })));
}

export const seek = (s, step) => send(s, { seek: step === null || step >= s.last ? null : step });
