// The live component: draws with Plotly what Python sends. It knows nothing of layers or ICS.
import { showTold } from "./access.js";
import { appUrl, el } from "./dom.js";
import { axes, drawPatch } from "./draw.js";
import { beAudience } from "./follow.js";
import { askHealth } from "./foot.js";
import { showArms } from "./fork.js";
import { onKey } from "./keys.js";
import { showAnswer, showLesson } from "./lesson.js";
import { buildGrid, listen, look } from "./panels.js";
import { forgetArrays, rememberArrays } from "./plotly_fast.js";
import { keepPresenting, leftFullScreen } from "./present.js";
import { advance } from "./replay.js";
import { backAgain, connect, passedOn, sayHidden, send, watchOver } from "./socket.js";
import { showWords } from "./stages.js";
import { fillTabs, openTab, showFindings, showNotice } from "./tabs.js";
import { showMarks, showTimeline } from "./timeline.js";
import { build, showSentence, showStatus } from "./toolbar.js";

const STATES = new WeakMap(); // by parentElement: the default export runs again on each rerun, without cleanup
const CONFIG = { displayModeBar: false, doubleClick: false, showTips: false };
let plotly = null;

// Where a host hides its address, or answers with something else, the page brings it.
function loadPlotly(s) {
  plotly ??= (window.Plotly ? Promise.resolve() : new Promise((resolve) => {
    const came = () => window.Plotly || sayHidden(s);
    document.head.append(el("script", { src: appUrl(s.data.plotly).href, onload: came, onerror: came }));
    const look = setInterval(() => { if (window.Plotly) { clearInterval(look); resolve(undefined); } }, 30);
  })).then(rememberArrays);
  return plotly;
}

function theme(s) {
  const [r, g, b] = (getComputedStyle(s.probe).backgroundColor.match(/[\d.]+/g) ?? [255, 255, 255]).map(Number);
  return 0.3 * r + 0.6 * g + 0.1 * b < 128 ? "dark" : "light";
}

// ---- drawing: one draw at a time, in an animation frame, of the newest there is ----
export function schedule(s) {
  if (s.busy || s.closed || !(s.next.scene || s.next.patch)) return;
  s.busy = true;
  s.raf = requestAnimationFrame(async () => {
    const { scene, patch } = s.next;
    s.next = { scene: null, patch: null };
    try {
      await loadPlotly(s);
      if (scene) await drawScene(s, scene);
      if (patch) await drawPatch(s, patch);
      count(s, patch ?? scene);
    } catch (error) {
      console.error("bnviz:", error);
      setTimeout(() => send(s, { resync: true }), 1000);
    }
    s.busy = false;
    schedule(s);
  });
}

function count(s, message) {
  const now = performance.now();
  if (!message.empty) {
    s.draws = [...s.draws.filter((time) => now - time < 1000), now];
    Object.assign(s.root.dataset, { seq: ++s.seq, fps: s.draws.length, step: message.step });
  }
  showStatus(s, message);
  showTold(s, message.told, message.status);
  // While numbers run live, a reader (and a screen reader) needs time for the words.
  if (message.sentence?.length && !(message.status === "running" && message.live && now - s.said < 1500)) {
    showSentence(s, message.sentence);
    showFindings(s, message.findings);
  }
  if (message.answer) showAnswer(s, message.answer);
  if (message.timeline) showTimeline(s, message.timeline);
  if (message.arms) showArms(s, message);
  if (s.data.kept) advance(s, message);
}

async function drawScene(s, message) {
  s.root.dataset.run = message.run ?? s.data.run;
  if (message.empty) return;
  s.root.classList.add("bnviz-ready");
  forgetArrays();
  buildGrid(s, message);
  s.layers = message.layers;
  if (!s.view.large) s.charts = message.grid.length;
  showNotice(s, message.notice);
  showWords(s, message.words);
  showFindings(s, message.findings);
  for (const { id } of message.grid) // before anything is drawn: it moves titles, and so decides how high charts are
    s.panels.get(id).node.style.setProperty("--left", `${message.figures[id].layout.margin.l}px`);
  const font = getComputedStyle(s.root).fontFamily;
  await Promise.all(message.grid.map(async ({ id }) => {
    const panel = s.panels.get(id);
    const { data, layout, note } = message.figures[id];
    const fresh = !panel.plot.data;
    layout.uirevision += s.root.dataset.run; // the zoom of one run is none of the next
    if (layout.uirevision !== panel.plot.layout?.uirevision) panel.zoomed = false;
    panel.ranges = axes(layout);
    const dragmode = matchMedia("(pointer: coarse)").matches ? false : "zoom"; // a finger scrolls the page
    await window.Plotly.react(panel.plot, data, { ...layout, dragmode, font: { ...layout.font, family: font } }, CONFIG);
    panel.note.textContent = note;
    if (fresh) listen(s, panel);
  }));
}

// ---- life of the component ----
// The page fits the window where there is room: the charts take what is left below where we begin.
export function fit(s) {
  const top = s.root.getBoundingClientRect().top + (s.root.closest("section, main")?.scrollTop ?? 0);
  s.root.style.setProperty("--bnviz-top", `${Math.max(0, Math.round(top))}px`);
  const stacked = s.root.clientWidth <= 680;
  if (stacked !== (s.view.stacked ?? false)) look(s, { stacked });
}

function resized(s, entries) {
  for (const { target } of entries) {
    if (target === s.root) fit(s);
    else if (target === s.marks) showMarks(s);
    else if (target.data && target.clientWidth) window.Plotly.Plots.resize(target);
  }
}

export function start(parentElement) {
  const root = parentElement.querySelector(".bnviz-player") ?? parentElement.appendChild(el("div", { class: "bnviz-player" }));
  const s = { root, view: {}, panels: new Map(), next: { scene: null, patch: null }, draws: [], seq: 0, arm: 0, charts: 0, tries: 0, said: 0, problemUntil: 0 };
  build(s);
  s.abort = new AbortController();
  const { signal } = s.abort;
  root.addEventListener("bnviz-passed-on", ({ detail }) => passedOn(s, detail), { signal });
  s.asking = setInterval(() => askHealth(s), 10_000);
  document.addEventListener("keydown", (event) => onKey(s, event), { signal });
  document.addEventListener("visibilitychange", () => document.hidden || backAgain(s), { signal });
  window.addEventListener("online", () => backAgain(s), { signal });
  document.addEventListener("fullscreenchange", () => leftFullScreen(s), { signal });
  window.addEventListener("resize", () => fit(s), { signal });
  s.sizes = new ResizeObserver((entries) => resized(s, entries));
  s.sizes.observe(root);
  s.sizes.observe(s.marks);
  watchOver(s);
  return s;
}

function stop(s) {
  s.closed = true;
  s.abort.abort();
  s.sizes.disconnect();
  clearTimeout(s.retry);
  clearTimeout(s.ticking);
  clearTimeout(s.answer);
  clearInterval(s.watching);
  clearTimeout(s.late);
  clearInterval(s.asking);
  cancelAnimationFrame(s.raf);
  s.ws?.close();
  document.documentElement.classList.remove("bnviz-present");
  for (const { plot } of s.panels.values()) if (plot.data) window.Plotly.purge(plot);
}

export default function player(component) {
  const { data, parentElement, setTriggerValue } = component;
  const known = STATES.get(parentElement), s = known ?? start(parentElement);
  STATES.set(parentElement, s);
  const moved = data.socket !== s.data?.socket || data.run !== s.data?.run;
  Object.assign(s, { data, trigger: setTriggerValue });
  for (const button of s.controls) {
    button.disabled = !(data.control || data.kept);
    button.title = data.control || data.kept ? "" : "Only whoever started this run can control it";
  }
  s.pace.hidden = !data.kept;
  loadPlotly(s);
  fillTabs(s);
  showLesson(s);
  if (data.turn !== s.turn) { // the page itself has chosen a tab, at the start or since
    s.turn = data.turn;
    openTab(s, data.tab);
  }
  if (!known) keepPresenting(s);
  const now = theme(s);
  if (now !== s.view.theme) look(s, { theme: now });
  if (data.audience) beAudience(s);
  if (moved && data.socket !== s.socket) { s.socket = data.socket; s.tries = 0; connect(s); }
  return () => { STATES.delete(parentElement); stop(s); };
}
