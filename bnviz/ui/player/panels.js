// Panels: a title, a chart and a note each.
import { describable, onChartKey } from "./access.js";
import { armColor, el } from "./dom.js";
import { pictureButton } from "./pictures.js";
import { send } from "./socket.js";

export function buildGrid(s, { grid, colors, names, signs }) {
  Object.assign(s, { colors, names, signs });
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
      if (!s.panels.has(described.id)) s.panels.set(described.id, newPanel(s, described.id));
      const panel = s.panels.get(described.id);
      Object.assign(panel, { described, pick: described.pick });
      panel.plot.ariaLabel = described.summary;
      panel.help.textContent = panel.title.title = described.help;
      fillTitle(s, panel.title, described.title);
      if (described.noted) panel.title.append(panel.note); // it would lie over what is drawn
      if (node.children[index] !== panel.node) node.insertBefore(panel.node, node.children[index] ?? null);
    });
  }
  colors.forEach((color, arm) => document.documentElement.style.setProperty(`--bnviz-arm-${arm}`, color));
  selectArm(s, Math.min(s.arm, colors.length - 1));
}

function newPanel(s, id) {
  const title = el("div", { class: "bnviz-title" });
  const { plot, words, ...said } = describable(s, id);
  s.sizes.observe(plot); // also when a title wraps, or the window stays as it is
  const note = el("div", { class: "bnviz-note" });
  const node = el("section", { class: "bnviz-panel" }, title, el("div", { class: "bnviz-frame" }, plot, note, words));
  const panel = { title, plot, note, ...said, node };
  panel.node.append(pictureButton(s, panel));
  return panel;
}

function fillTitle(s, node, parts) {
  const wanted = JSON.stringify(parts);
  if (node.dataset.parts === wanted) return; // what has the focus keeps it
  node.dataset.parts = wanted;
  node.replaceChildren(...parts.map((part) => titlePart(s, part)));
}

export function titlePart(s, part) {
  const style = armColor(part);
  if (part.switch) {
    const options = part.options.map((each) => el("option", { value: each.value, selected: each.value === part.value }, each.text));
    const onchange = (event) => look(s, { [part.switch]: part.options[event.target.selectedIndex].value });
    return el("select", { style, onchange, "aria-label": part.label, class: part.strong && "bnviz-strong" }, ...options);
  }
  if (part.select !== undefined)
    return el("button", { style, class: `bnviz-arm ${part.strong ? "bnviz-strong" : ""}`, "data-arm": part.select, title: "Select this network (B flips its BatchNorm)",
      onclick: () => selectArm(s, part.select) }, el("span", { class: "bnviz-sign", "aria-hidden": "true" }, part.sign), part.text);
  if (part.set)
    return el("button", { class: part.chip ? "bnviz-chip" : "bnviz-set", title: part.label, onclick: () => look(s, part.set) }, part.text);
  return el(part.strong ? "strong" : "span", { style }, part.text);
}

export function selectArm(s, arm) {
  s.arm = arm;
  for (const button of s.root.querySelectorAll("[data-arm]")) button.ariaPressed = String(Number(button.dataset.arm) === arm);
}

// A label under a resting mouse must tell the new values.
export function rehover(panel) {
  const { target, x, y } = panel.mouse ?? {};
  if (target?.isConnected && panel.plot.matches(":hover"))
    target.dispatchEvent(new MouseEvent("mousemove", { bubbles: true, clientX: x, clientY: y, view: window }));
}

export function listen(s, panel) {
  const { plot } = panel;
  plot.addEventListener("mousemove", (event) => {
    if (event.isTrusted) panel.mouse = { target: event.target, x: event.clientX, y: event.clientY };
  });
  plot.addEventListener("keydown", (event) => onChartKey(s, panel, event));
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

export function look(s, change) {
  s.view = { ...s.view, ...change };
  send(s, { view: s.view });
}
