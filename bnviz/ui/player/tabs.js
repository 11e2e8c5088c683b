// The row of tabs, and what a tab says in words.
import { el, words } from "./dom.js";
import { look } from "./panels.js";
import { command } from "./socket.js";

export function buildTabs(s) {
  s.tabs = el("div", { class: "bnviz-tabs", role: "tablist", "aria-label": "Views", onkeydown: (event) => onTabKey(s, event) });
  s.notice = el("div", { class: "bnviz-notice", hidden: true });
  s.findings = el("div", { class: "bnviz-findings", hidden: true });
}

export function fillTabs(s) {
  if (!s.tabs.children.length) s.tabs.append(...s.data.tabs.map(({ name, title, live }) => el("button", { role: "tab", id: `bnviz-tab-${name}`, "data-tab": name,
    class: !live && "bnviz-text", "aria-controls": "bnviz-view", onclick: () => chooseTab(s, name) }, title)));
  s.data.tabs.forEach(({ hidden }, place) => { s.tabs.children[place].hidden = hidden; });
  s.tabs.hidden = s.data.tabs.every(({ hidden }) => hidden);
}

// Tabs that are not live are drawn by the page, below: then the charts here are put away.
export function openTab(s, name) {
  const { live } = s.data.tabs.find((tab) => tab.name === name);
  markTab(s, name);
  s.root.classList.toggle("bnviz-away", !live);
  s.root.classList.remove("bnviz-one");
  look(s, { large: null, ...(live ? { tab: name, away: false } : { away: true }) });
}

export function markTab(s, name) {
  s.tab = s.root.dataset.tab = name;
  for (const tab of s.tabs.children) {
    const chosen = tab.dataset.tab === name;
    tab.ariaSelected = String(chosen);
    tab.tabIndex = chosen ? 0 : -1;
  }
  s.body.setAttribute("aria-labelledby", `bnviz-tab-${name}`);
}

export function chooseTab(s, name) {
  if (name === s.tab) return;
  openTab(s, name);
  s.trigger("tab", name);
}

function onTabKey(s, event) {
  const tabs = [...s.tabs.children].filter((tab) => !tab.hidden);
  const at = tabs.indexOf(event.target);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
  if (at < 0 || to === undefined) return;
  event.preventDefault();
  event.stopPropagation(); // elsewhere the arrow is a step
  const tab = tabs[(to + tabs.length) % tabs.length];
  tab.focus();
  chooseTab(s, tab.dataset.tab);
}

export function showNotice(s, notice) {
  s.notice.hidden = !notice;
  if (!notice) return;
  const { title, text, button } = notice;
  const ask = button && !s.data.audience && el("button", { class: "bnviz-button bnviz-main", disabled: !s.data.control,
    onclick: () => (button.command ? command(s, button.command) : s.trigger("setting", button.setting)) }, button.text);
  s.notice.replaceChildren(el("h2", {}, title), el("p", {}, text), ...(ask ? [ask] : []));
}

export function showFindings(s, sections) {
  s.findings.hidden = !sections;
  const key = JSON.stringify(sections ?? []);
  if (s.findings.dataset.key === key) return;
  s.findings.dataset.key = key;
  const item = ({ spans, mark }) => el("li", {}, mark && el("em", { class: `bnviz-mark bnviz-${mark}` }, mark), el("span", {}, ...words(spans)));
  s.findings.replaceChildren(...(sections ?? []).map(({ heading, items }) =>
    el("section", {}, el("h2", {}, heading), el("ul", {}, ...items.map(item)))));
}
