// Panels, toolbar, sentence and timeline of the live component; one script with tabs.js and player.js.
// ---- panels ----
function buildGrid(s, grid, colors) {
  const order = grid.map((panel) => panel.id);
  for (const [id, panel] of s.panels) {
    if (order.includes(id)) continue;
    s.sizes.unobserve(panel.plot);
    window.Plotly.purge(panel.plot);
    panel.node.remove();
    s.panels.delete(id);
  }
  for (const [group, node] of Object.entries(s.groups)) {
    const own = grid.filter((panel) => panel.group === group);
    node.style.setProperty("--columns", own.map((panel) => `minmax(0, ${panel.weight}fr)`).join(" "));
    own.forEach((described, index) => {
      if (!s.panels.has(described.id)) s.panels.set(described.id, newPanel(s));
      const panel = s.panels.get(described.id);
      panel.pick = described.pick;
      panel.plot.ariaLabel = described.summary;
      panel.plot.ariaDescription = panel.title.title = described.help;
      fillTitle(s, panel.title, described.title);
      if (node.children[index] !== panel.node) node.insertBefore(panel.node, node.children[index] ?? null);
    });
  }
  colors.forEach((color, arm) => document.documentElement.style.setProperty(`--bnviz-arm-${arm}`, color));
  selectArm(s, Math.min(s.arm, colors.length - 1));
}

function newPanel(s) {
  const title = el("div", { class: "bnviz-title" });
  const plot = el("div", { class: "bnviz-plot", role: "img" });
  s.sizes.observe(plot); // also when a title wraps, or the window stays as it is
  const note = el("div", { class: "bnviz-note" });
  return { title, plot, note, node: el("section", { class: "bnviz-panel" }, title, el("div", { class: "bnviz-frame" }, plot, note)) };
}

function fillTitle(s, node, parts) {
  const wanted = JSON.stringify(parts);
  if (node.dataset.parts === wanted) return; // what has the focus keeps it
  node.dataset.parts = wanted;
  node.replaceChildren(...parts.map((part) => titlePart(s, part)));
}

const armColor = (part) => (part.arm === undefined || part.arm === null ? null : `color: var(--bnviz-arm-${part.arm})`);

function titlePart(s, part) {
  const style = armColor(part);
  if (part.switch) {
    const options = part.options.map((each) => el("option", { value: each.value, selected: each.value === part.value }, each.text));
    const onchange = (event) => look(s, { [part.switch]: part.options[event.target.selectedIndex].value });
    return el("select", { style, onchange, "aria-label": part.label, class: part.strong && "bnviz-strong" }, ...options);
  }
  if (part.select !== undefined)
    return el("button", { style, class: `bnviz-arm ${part.strong ? "bnviz-strong" : ""}`, "data-arm": part.select, title: "Select this network (B flips its BatchNorm)",
      onclick: () => selectArm(s, part.select) }, part.text);
  if (part.set)
    return el("button", { class: part.chip ? "bnviz-chip" : "bnviz-set", "aria-label": part.label, title: part.label, onclick: () => look(s, part.set) }, part.text);
  return el(part.strong ? "strong" : "span", { style }, part.text);
}

function selectArm(s, arm) {
  s.arm = arm;
  for (const button of s.root.querySelectorAll("[data-arm]")) button.ariaPressed = String(Number(button.dataset.arm) === arm);
}

// A label under a resting mouse must tell the new values.
function rehover(panel) {
  const { target, x, y } = panel.mouse ?? {};
  if (target?.isConnected && panel.plot.matches(":hover"))
    target.dispatchEvent(new MouseEvent("mousemove", { bubbles: true, clientX: x, clientY: y, view: window }));
}

function listen(s, panel) {
  const { plot } = panel;
  plot.addEventListener("mousemove", (event) => {
    if (event.isTrusted) panel.mouse = { target: event.target, x: event.clientX, y: event.clientY };
  });
  plot.on("plotly_relayout", (change) => {
    if (!panel.drawing && Object.keys(change).some((key) => /axis\.(range|autorange)/.test(key))) panel.zoomed = true;
  });
  plot.on("plotly_doubleclick", async () => {
    panel.drawing = true;
    await window.Plotly.relayout(plot, structuredClone(panel.ranges));
    panel.drawing = panel.zoomed = false;
  });
  plot.on("plotly_click", ({ points }) => panel.pick && look(s, { [panel.pick]: points[0].pointNumber }));
}

function look(s, change) {
  s.view = { ...s.view, ...change };
  send(s, { view: s.view });
}

// ---- toolbar, sentence, timeline ----
function build(s) {
  const button = (name, key, shortcut, onclick, kind = "") => el("button", { class: `bnviz-button ${kind}`, "aria-label": name,
    "aria-keyshortcuts": shortcut, onclick }, el("span", {}, name), key ? el("kbd", { "aria-hidden": "true" }, key) : "");
  s.play = button("Play", "space", "Space", () => command(s, s.play.ariaLabel.toLowerCase()), "bnviz-play");
  s.controls = [s.play, button("Step", "→", "ArrowRight", () => command(s, "step")), button("Restart", "", null, () => command(s, "restart")), buildPace(s)];
  s.status = el("span", { class: "bnviz-status" });
  const tools = [button("Present", "P", "P", () => present(s)), button("Share", "", null, (event) => share(s, event.currentTarget)),
    button("Save", "", null, () => save(s))];
  s.sentence = el("p", { class: "bnviz-sentence", "aria-live": "polite" }, "Starting the networks…");
  s.problem = el("p", { class: "bnviz-problem", role: "alert", hidden: true });
  s.groups = { layers: el("div", { class: "bnviz-group bnviz-layers" }), series: el("div", { class: "bnviz-group bnviz-series" }) };
  s.first = el("span");
  s.slider = el("input", { type: "range", min: 0, max: 0, "aria-label": "Step shown", oninput: () => seek(s, Number(s.slider.value)) });
  s.ticks = el("div", { class: "bnviz-ticks" });
  s.live = el("button", { class: "bnviz-live", onclick: () => seek(s, null) }, "Live");
  s.probe = el("i", { class: "bnviz-probe" });
  buildTabs(s);
  s.body = el("div", { class: "bnviz-body", id: "bnviz-view", role: "tabpanel" }, s.sentence, s.notice, s.findings, s.groups.layers, s.groups.series,
    el("div", { class: "bnviz-timeline" }, s.first, el("div", {}, s.slider, s.ticks), s.live));
  Object.assign(s.root.dataset, { seq: 0, status: "starting" });
  s.root.replaceChildren(
    el("div", { class: "bnviz-toolbar" }, ...s.controls, s.status, el("span", { class: "bnviz-space" }), ...tools), s.problem, s.tabs, s.body, s.probe);
  s.root.addEventListener("click", (event) => event.detail && event.target.closest("button")?.blur()); // space means play
}

function showStatus(s, { status, step, steps, rate, text }) {
  s.steps = steps ?? s.steps;
  if (s.data.kept) showPlaying(s);
  else {
    s.root.dataset.status = status;
    const name = status === "running" ? "Pause" : "Play";
    if (s.play.ariaLabel !== name) { s.play.ariaLabel = name; s.play.firstChild.textContent = name; }
  }
  const tail = status === "running" ? (rate ? `${Math.round(rate)} steps/s` : "") : status === "kept" ? "recording" : status;
  s.status.textContent = [step === undefined || step === null ? "" : `step ${step}`, tail].filter(Boolean).join(" · ");
  s.status.title = s.steps ? `of ${s.steps} steps` : "";
  if (status === "failed") problem(s, text || "The run failed. Restart tries again.");
  else if (performance.now() > s.problemUntil) problem(s, "");
}

function problem(s, text) {
  s.problem.hidden = !text;
  if (s.problem.textContent === text) return;
  s.problem.textContent = text;
  s.problemUntil = performance.now() + (s.root.dataset.status === "failed" ? 0 : 6000);
}

function showSentence(s, spans) {
  const key = JSON.stringify(spans);
  if (s.sentence.dataset.key === key) return; // or a screen reader would say it again and again
  s.sentence.dataset.key = key;
  s.said = performance.now();
  s.sentence.replaceChildren(...words(spans));
}

function showTimeline(s, { first, last, shown, live, events }) {
  s.changed = events.length > 0;
  fit(s); // what stands above may have come or gone
  s.last = last;
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

const seek = (s, step) => send(s, { seek: step === null || step >= s.last ? null : step });

function present(s, on = !document.documentElement.classList.contains("bnviz-present")) {
  document.documentElement.classList.toggle("bnviz-present", on);
  look(s, { present: on });
}

async function share(s, button) {
  const link = document.location.href;
  try { await navigator.clipboard.writeText(link); } catch {
    const field = el("textarea", { style: "position: fixed; opacity: 0" }, link); // no clipboard without https
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  button.firstChild.textContent = "Link copied";
  setTimeout(() => { button.firstChild.textContent = "Share"; }, 1500);
  if (s.changed) problem(s, "The link shows this run while it lasts, then starts with the settings as they are now: what was changed on the way is in the recording (Save).");
}

function save(s) {
  if (s.socket) el("a", { href: appUrl(s.socket.replace(/socket$/, "recording.arrow")).href, download: "" }).click();
}

function onKey(s, event) {
  const busy = event.target.closest?.("input, textarea, select, [contenteditable], [role=slider], [role=dialog]");
  if (busy || event.ctrlKey || event.metaKey || event.altKey || !s.root.isConnected) return;
  const shown = document.documentElement.classList.contains("bnviz-present");
  const keys = { " ": () => s.play.click(), ArrowRight: () => command(s, "step"), ArrowLeft: () => s.data.kept && command(s, "back"), p: () => present(s),
    b: () => s.trigger("toggle", s.arm), Escape: () => shown && present(s, false) };
  const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act || (event.key === " " && event.target.closest?.("button, a, summary"))) return; // the button's own space
  if (event.key === " " || event.key.startsWith("Arrow")) event.preventDefault();
  if (!event.repeat || event.key.startsWith("Arrow")) act();
}
