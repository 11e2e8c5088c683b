// The strip of a lesson: what is read at this step, what is asked, what was predicted, and what the run says.
import { armColor, el, words } from "./dom.js";
import { look } from "./panels.js";

export function buildLesson(s) {
  s.lesson = el("section", { class: "bnviz-lesson", "aria-label": "Lesson", hidden: true });
  return s.lesson;
}

/** @param {any} s */
export function showLesson(s) {
  const { lesson } = s.data;
  const key = JSON.stringify(lesson ?? null);
  if (s.lesson.dataset.key === key) return;
  s.lesson.dataset.key = key;
  s.lesson.hidden = !lesson;
  s.lesson.toggleAttribute("data-said", Boolean(lesson?.question && !lesson.open));
  const asked = lesson?.question && !lesson.open; // what is not predicted yet is not answered, not even to this page
  look(s, asked ? { ask: lesson.ask, until: lesson.until } : { ask: "", until: null });
  s.verdict = el("p", { class: "bnviz-verdict", role: "status" });
  s.answered = "";
  if (!lesson) return s.lesson.replaceChildren();
  const focused = s.lesson.contains(document.activeElement);
  s.lesson.replaceChildren(...textOf(lesson), ...(lesson.question ? [questionOf(s, lesson)] : []), ...(asked ? [s.verdict] : []), wayOn(s, lesson));
  if (focused) s.lesson.querySelector("button:not(:disabled)")?.focus();
}

function textOf({ title, heading, at, of, text }) {
  if (!heading) return [];
  const part = ({ text: words, mark }) => (mark ? el(mark, {}, words) : words);
  const block = ({ parts, item }) => el("p", { class: item && "bnviz-item" }, ...parts.map(part));
  return [el("h2", {}, el("span", {}, `${title} · ${at + 1} of ${of}`), heading), el("div", {}, ...text.map(block))];
}

function questionOf(s, lesson) {
  const option = ({ text, arm }, place) => el("button", { class: "bnviz-button bnviz-option", style: armColor({ arm }), disabled: !lesson.open,
    "aria-pressed": String(lesson.said === place), "aria-keyshortcuts": lesson.open && String(place + 1), onclick: () => s.trigger("lesson", { say: place }) },
    el("span", {}, text), lesson.open ? el("kbd", { "aria-hidden": "true" }, place + 1) : "");
  return el("div", { class: "bnviz-question", role: "group", "aria-label": lesson.question },
    el("strong", {}, lesson.question), ...lesson.options.map(option), ...(lesson.then ? [el("p", { class: "bnviz-then" }, lesson.then)] : []));
}

function wayOn(s, lesson) {
  const button = (text, by, key) => el("button", { class: "bnviz-button", "aria-keyshortcuts": key,
    onclick: () => goOn(s, by) }, el("span", {}, text), by > 0 ? el("kbd", { "aria-hidden": "true" }, "N") : "");
  const on = lesson.open ? "Just show me" : lesson.at < lesson.of - 1 ? "Next" : lesson.heading && "All lessons";
  return el("nav", { "aria-label": "Lesson" }, ...(lesson.at ? [button("Back", -1, "Shift+N")] : []), ...(on ? [button(on, 1, "N")] : []));
}

/**
 * @param {any} s
 * @param {number} by
 */
export const goOn = (s, by) => s.trigger("lesson", { go: by });

/** Keys of digits are options while the question is open. */
export const predicts = (s, key) => s.data.lesson?.open && Number(key) >= 1 && Number(key) <= s.data.lesson.options.length;

export function showAnswer(s, { ask, option, spans }) {
  const { lesson } = s.data;
  if (!lesson?.question || lesson.open || ask !== lesson.ask) return;
  const key = JSON.stringify([option, spans]);
  if (s.answered === key) return; // or a screen reader would say it again and again
  s.answered = key;
  s.lesson.dataset.answer = option ?? "";
  [...s.lesson.querySelectorAll(".bnviz-option")].forEach((button, place) => button.classList.toggle("bnviz-true", place === option));
  if (option === null) return s.verdict.replaceChildren(...words(spans));
  const said = lesson.said === null ? "" : lesson.said === option ? "As you predicted: " : `You predicted ${quoted(lesson, lesson.said)}; `;
  const text = `${said}the run says ${quoted(lesson, option)}.`;
  s.verdict.replaceChildren(el("strong", {}, text[0].toUpperCase() + text.slice(1)), " ", ...words(spans));
}

const quoted = (lesson, option) => `“${lesson.options[option].text}”`;
