// A sheet over everything, one at a time: Escape, its button or a click beside it puts it away.
import { el } from "./dom.js";

/**
 * @param {any} s
 * @param {string} title
 * @param {...(Node | string)} content
 */
export function openSheet(s, title, ...content) {
  s.sheet?.close();
  const close = el("button", { class: "bnviz-button bnviz-close", onclick: () => sheet.close() }, "Close");
  const sheet = /** @type {HTMLDialogElement} */ (el("dialog", { class: "bnviz-sheet", "aria-label": title,
    onclose: () => { sheet.remove(); s.sheet = s.sheet === sheet ? null : s.sheet; },
    onclick: (event) => event.target === sheet && sheet.close() },
  el("div", {}, el("header", {}, el("h2", {}, title), close), ...content)));
  s.root.append(sheet);
  s.sheet = sheet;
  sheet.showModal();
  return sheet;
}
