// What a tab says beside its charts: the stage of an update in words and formulas, and the way from one to the next.
import { el } from "./dom.js";
import { look, titlePart } from "./panels.js";

const MATHML = "http://www.w3.org/1998/Math/MathML";

export function buildWords(s) {
  const button = (name, key, way) => el("button", { class: "bnviz-button", "aria-label": name, "aria-keyshortcuts": key, onclick: () => turn(s, way) },
    el("span", {}, name), el("kbd", { "aria-hidden": "true", "data-key": key }));
  const back = button("Back", ",", "back"), next = button("Next", ".", "next");
  const heading = el("h2"), count = el("span", { class: "bnviz-count" }), choices = el("span", { class: "bnviz-choices bnviz-title" });
  const text = el("p", { "aria-live": "polite" }), formulas = el("div", { class: "bnviz-formulas" });
  const places = el("nav", { class: "bnviz-places", "aria-label": "Stages of the update" });
  const node = el("div", { class: "bnviz-words", hidden: true },
    el("div", { class: "bnviz-words-head" }, heading, count, choices, el("span", { class: "bnviz-space" }), back, next), places, text, formulas);
  s.words = { node, back, next, heading, count, choices, text, formulas, places, turns: null, key: "" };
}

/** @param {any} s @param {"back" | "next"} way */
export function turn(s, way) {
  const to = s.words.turns?.[way];
  if (to) look(s, to);
}

export function showWords(s, words) {
  const own = s.words, key = JSON.stringify(words);
  own.node.hidden = !words;
  own.turns = words && { back: words.back, next: words.next };
  if (!words || own.key === key) return;
  own.key = key;
  own.back.disabled = !words.back;
  own.next.disabled = !words.next;
  own.heading.textContent = words.heading;
  own.count.textContent = `${words.count} · ${words.about}`;
  own.text.textContent = words.text;
  own.node.style.setProperty("--own", `var(--bnviz-arm-${words.arm})`);
  fill(own.choices, words.choices, (part) => titlePart(s, part));
  fill(own.places, words.places, (place) => el("button", { class: place.back && "bnviz-way-back", disabled: !place.there, "data-stage": place.text,
    "aria-current": place.now ? "step" : null, title: place.there ? "" : "This layer has none", onclick: () => look(s, place.set) }, place.text));
  fill(own.formulas, words.formulas, (formula) => math(["math", formula]));
}

// What has not changed keeps its focus.
function fill(node, parts, make) {
  const wanted = JSON.stringify(parts);
  if (node.dataset.parts === wanted) return;
  const at = [...node.children].indexOf(document.activeElement);
  node.dataset.parts = wanted;
  node.replaceChildren(...parts.map(make));
  node.children[at]?.focus();
}

/**
 * MathML from nested lists: the tag, then children, each a list or a text.
 * @param {any[]} given
 * @returns {Element}
 */
export function math([tag, ...children]) {
  const node = document.createElementNS(MATHML, tag);
  if (tag === "math") node.setAttribute("displaystyle", "true");
  node.append(...children.map((child) => (typeof child === "string" ? child : math(child))));
  return node;
}
