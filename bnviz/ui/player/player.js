// The live component: opens a WebSocket and draws with Plotly what Python sends. It knows nothing of layers or ICS.
const STATES = new WeakMap(); // by parentElement: the default export runs again on each rerun, without cleanup
const CONFIG = { displayModeBar: false, doubleClick: false, showTips: false };
let plotly = null;

function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

// The app may live below a path, and the page below that: Streamlit's own script says where the app begins.
function appUrl(path) {
  const own = [...document.scripts].find((script) => script.src.includes("/static/js/"));
  const base = own ? own.src.split("static/js/")[0] : new URL("./", document.location).href;
  return new URL(path.replace(/^\//, ""), base);
}

function loadPlotly(path) {
  plotly ??= (window.Plotly ? Promise.resolve() : new Promise((resolve, reject) => {
    document.head.append(el("script", { src: appUrl(path).href, onload: resolve, onerror: reject }));
  })).then(rememberArrays);
  return plotly;
}

function theme(s) {
  const [r, g, b] = (getComputedStyle(s.probe).backgroundColor.match(/[\d.]+/g) ?? [255, 255, 255]).map(Number);
  return 0.3 * r + 0.6 * g + 0.1 * b < 128 ? "dark" : "light";
}

// ---- socket ----
function connect(s) {
  clearTimeout(s.retry);
  s.ws?.close();
  if (!s.socket) return;
  const url = appUrl(s.socket);
  url.protocol = url.protocol.replace("http", "ws");
  const ws = (s.ws = new WebSocket(url));
  const late = setTimeout(() => ws.readyState === 0 && unreachable(s), 3000);
  ws.onopen = () => { clearTimeout(late); send(s, { view: s.view }); };
  ws.onmessage = (event) => {
    if (ws !== s.ws) return;
    s.tries = 0;
    receive(s, JSON.parse(event.data));
  };
  ws.onclose = () => {
    clearTimeout(late);
    if (ws !== s.ws || s.closed) return;
    if (++s.tries === 3 && !s.seq) unreachable(s);
    s.retry = setTimeout(() => connect(s), Math.min(8000, 250 * 2 ** s.tries) * (0.5 + Math.random()));
  };
}

function unreachable(s) {
  if (!s.reported) s.trigger("unreachable", true);
  s.reported = true;
}

function send(s, message) {
  if (s.ws?.readyState === 1) s.ws.send(JSON.stringify(message));
  else if (s.reported) s.trigger("send", message); // no socket here: the page passes it on
}

function command(s, name) {
  if (s.data.kept) replay(s, name);
  else if (s.data.control) send(s, { command: name, control: s.data.control });
}

function receive(s, message) {
  if (message.type === "problem") problem(s, message.text);
  else if (message.type === "status") showStatus(s, message);
  else if (message.type === "scene" && message.tab !== (s.view.away ? null : s.view.tab)) return; // of a tab left, or not yet asked for
  else if (message.type === "scene") { s.next = { scene: message, patch: null }; schedule(s); }
  else if (message.type === "patch" && !document.hidden) {
    // Newest wins, figure by figure: the series come only now and then, and must not get lost.
    s.next.patch = { ...message, figures: { ...s.next.patch?.figures, ...message.figures } };
    schedule(s);
  }
}

// ---- drawing: one draw at a time, in an animation frame, of the newest there is ----
function schedule(s) {
  if (s.busy || s.closed || !(s.next.scene || s.next.patch)) return;
  s.busy = true;
  s.raf = requestAnimationFrame(async () => {
    const { scene, patch } = s.next;
    s.next = { scene: null, patch: null };
    try {
      await loadPlotly(s.data.plotly);
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
  // While numbers run, a reader (and a screen reader) needs time for the words.
  if (message.sentence?.length && !(message.status === "running" && now - s.said < 1500)) {
    showSentence(s, message.sentence);
    showFindings(s, message.findings);
  }
  if (message.timeline) showTimeline(s, message.timeline);
  if (s.data.kept) advance(s, message);
}

async function drawScene(s, message) {
  s.root.dataset.run = message.run ?? s.data.run;
  if (message.empty) return;
  s.root.classList.add("bnviz-ready");
  arrays.clear();
  buildGrid(s, message.grid, message.colors);
  showNotice(s, message.notice);
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
function fit(s) {
  const top = s.root.getBoundingClientRect().top + (s.root.closest("section, main")?.scrollTop ?? 0);
  s.root.style.setProperty("--bnviz-top", `${Math.max(0, Math.round(top))}px`);
  const stacked = s.root.clientWidth <= 640;
  if (stacked !== (s.view.stacked ?? false)) look(s, { stacked });
}

function resized(s, entries) {
  for (const { target } of entries) {
    if (target === s.root) fit(s);
    else if (target.data && target.clientWidth) window.Plotly.Plots.resize(target);
  }
}

function start(parentElement) {
  const root = parentElement.querySelector(".bnviz-player") ?? parentElement.appendChild(el("div", { class: "bnviz-player" }));
  const s = { root, view: {}, panels: new Map(), next: { scene: null, patch: null }, draws: [], seq: 0, arm: 0, tries: 0, said: 0, problemUntil: 0 };
  build(s);
  s.abort = new AbortController();
  const { signal } = s.abort;
  document.addEventListener("keydown", (event) => onKey(s, event), { signal });
  document.addEventListener("visibilitychange", () => document.hidden || send(s, { resync: true }), { signal });
  window.addEventListener("resize", () => fit(s), { signal });
  s.sizes = new ResizeObserver((entries) => resized(s, entries));
  s.sizes.observe(root);
  return s;
}

function stop(s) {
  s.closed = true;
  s.abort.abort();
  s.sizes.disconnect();
  clearTimeout(s.retry);
  clearTimeout(s.ticking);
  cancelAnimationFrame(s.raf);
  s.ws?.close();
  document.documentElement.classList.remove("bnviz-present");
  for (const { plot } of s.panels.values()) if (plot.data) window.Plotly.purge(plot);
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  let s = STATES.get(parentElement);
  if (!s) STATES.set(parentElement, (s = start(parentElement)));
  const moved = data.socket !== s.data?.socket || data.run !== s.data?.run;
  Object.assign(s, { data, trigger: setTriggerValue });
  for (const button of s.controls) {
    button.disabled = !(data.control || data.kept);
    button.title = data.control || data.kept ? "" : "Only whoever started this run can control it";
  }
  s.pace.hidden = !data.kept;
  loadPlotly(data.plotly);
  fillTabs(s);
  if (data.turn !== s.turn) { // the page itself has chosen a tab, at the start or since
    s.turn = data.turn;
    openTab(s, data.tab);
  }
  const now = theme(s);
  if (now !== s.view.theme) look(s, { theme: now });
  if (moved && data.socket !== s.socket) { s.socket = data.socket; s.tries = 0; connect(s); }
  if (data.message && s.ws?.readyState !== 1) receive(s, data.message);
  return () => { STATES.delete(parentElement); stop(s); };
}
