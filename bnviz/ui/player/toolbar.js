// Toolbar, status and sentence.
import { el, words } from "./dom.js";
import { watchingNow } from "./follow.js";
import { buildFoot } from "./foot.js";
import { buildFork } from "./fork.js";
import { showKeys } from "./keys.js";
import { buildLesson } from "./lesson.js";
import { buildPresent } from "./present.js";
import { buildPace, showPlaying } from "./replay.js";
import { openSave } from "./save.js";
import { openShare } from "./share.js";
import { command } from "./socket.js";
import { buildWords } from "./stages.js";
import { buildTabs } from "./tabs.js";
import { buildTimeline, forward } from "./timeline.js";

const TAILS = { kept: "recording", growing: "recording, still being written" };
const done = (s, status) => (status === "finished" && s.steps ? `finished, all ${s.steps} steps done` : status);

export function build(s) {
  const button = (name, key, shortcut, onclick, kind = "") => el("button", { class: `bnviz-button ${kind}`, "aria-label": name,
    "aria-keyshortcuts": shortcut, onclick }, el("span", {}, name), key ? el("kbd", { "aria-hidden": "true", "data-key": key }) : "");
  s.play = button("Play", "space", "Space", () => command(s, s.play.ariaLabel.toLowerCase()), "bnviz-play");
  s.controls = [s.play, button("Step", "→", "ArrowRight", () => forward(s)), button("Restart", "", null, () => command(s, "restart")), buildPace(s)];
  const arms = buildFork(s, button);
  s.controls.push(s.fork);
  s.status = el("span", { class: "bnviz-status" });
  const tools = [buildPresent(s), button("Share", "Q", "Q", () => openShare(s)),
    button("Save", "", null, () => openSave(s)), button("Keys", "?", "?", () => showKeys(s))];
  s.sentence = el("p", { class: "bnviz-sentence", "aria-live": "polite" }, "Starting the networks…");
  s.problem = el("p", { class: "bnviz-problem", role: "alert", hidden: true });
  s.groups = { layers: el("div", { class: "bnviz-group bnviz-layers" }), series: el("div", { class: "bnviz-group bnviz-series" }) };
  s.probe = el("i", { class: "bnviz-probe" });
  buildTabs(s);
  buildWords(s);
  s.body = el("div", { class: "bnviz-body", id: "bnviz-view", role: "tabpanel" }, buildLesson(s),
    s.sentence, s.notice, s.findings, s.words.node, s.groups.layers, s.groups.series, buildTimeline(s), buildFoot(s));
  Object.assign(s.root.dataset, { seq: 0, status: "starting" });
  s.root.replaceChildren(
    el("div", { class: "bnviz-toolbar" }, ...s.controls, ...arms.slice(1), s.status, el("span", { class: "bnviz-space" }), ...tools),
    s.problem, s.tabs, s.body, s.probe);
  s.root.addEventListener("click", (event) => event.detail && event.target.closest("button")?.blur()); // space means play
}

export function showStatus(s, { status, step, steps, rate, text, live, watching, unkept, busy }) {
  s.past = live === false;
  s.steps = steps ?? s.steps;
  if (s.data.kept) showPlaying(s);
  else {
    s.root.dataset.status = status;
    const name = status === "running" ? "Pause" : "Play";
    if (s.play.ariaLabel !== name) { s.play.ariaLabel = name; s.play.firstChild.textContent = name; }
  }
  const doing = text?.endsWith("…") ? text : ""; // what goes on; other texts are news for people
  const tail = doing || (status === "running" ? (rate ? `${Math.round(rate)} steps/s` : "") : TAILS[status] ?? done(s, status));
  const at = step === undefined || step === null ? "" : `step ${step}`;
  s.status.textContent = [at, tail, busy, unkept && "not being kept", watchingNow(s, watching)].filter(Boolean).join(" · ");
  s.status.title = unkept || doing || (s.steps ? `of ${s.steps} steps` : "");
  if (status === "failed") problem(s, text || "The run failed. Restart tries again.");
  else if (text && !doing && text !== s.told && ["running", "paused", "finished"].includes(status)) problem(s, text);
  else if (performance.now() > s.problemUntil) problem(s, "");
  s.told = text;
}

export function problem(s, text) {
  s.problem.hidden = !text;
  if (s.problem.textContent === text) return;
  s.problem.textContent = text;
  s.problemUntil = performance.now() + (s.root.dataset.status === "failed" ? 0 : 6000);
}

export function showSentence(s, spans) {
  const key = JSON.stringify(spans);
  if (s.sentence.dataset.key === key) return; // or a screen reader would say it again and again
  s.sentence.dataset.key = key;
  s.said = performance.now();
  s.sentence.replaceChildren(...words(spans));
}
