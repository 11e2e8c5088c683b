// Playing a recording, which no worker trains: the next step is asked for when the one before has been drawn, so that
// nothing piles up however slow the page is.
import { el } from "./dom.js";
import { send } from "./socket.js";
import { seek } from "./timeline.js";

const PACES = [1, 2, 5, 10, 20]; // measured steps a second

export function buildPace(s) {
  s.pace = el("select", { class: "bnviz-pace", "aria-label": "Pace", title: "How fast the recording plays", hidden: true },
    ...PACES.map((pace) => el("option", { value: pace, selected: pace === 5 }, `${pace} a second`)));
  return s.pace;
}

// What the buttons do to a recording: the same words as for a run.
export function replay(s, name) {
  s.playing = name === "play";
  clearTimeout(s.ticking);
  if (name === "restart") return seek(s, s.known.first);
  if (name === "step") return send(s, { move: 1 });
  if (name === "back") return send(s, { move: -1 });
  if (s.playing && s.atEnd) seek(s, s.known.first); // it has been seen: from the start
  else if (s.playing) advance(s, { live: false });
  else showPlaying(s);
}

// After a draw: on to the next step, in time.
export function advance(s, { live }) {
  s.atEnd = live;
  if (!s.playing) return;
  if (live) s.playing = false;
  else {
    const wait = 1000 / Number(s.pace.value) - (performance.now() - (s.ticked ?? 0));
    clearTimeout(s.ticking);
    s.ticking = setTimeout(() => { s.ticked = performance.now(); send(s, { move: 1 }); }, Math.max(0, wait));
  }
  showPlaying(s);
}

export function showPlaying(s) {
  s.root.dataset.status = s.playing ? "playing" : "kept";
  const name = s.playing ? "Pause" : "Play";
  if (s.play.ariaLabel !== name) { s.play.ariaLabel = name; s.play.firstChild.textContent = name; }
}
