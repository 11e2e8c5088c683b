// What can be taken away: each way is a line of the sheet that Save opens.
import { appUrl, el } from "./dom.js";
import { openSheet } from "./sheet.js";

/** @type {{title: string, about: string, act: (s: any) => void, when?: (s: any) => boolean}[]} */
export const WAYS = [
  { title: "Recording", about: "All of the run as an Arrow file: bnviz open shows it again, bnviz export makes tables of it.",
    act: (s) => download(s, "recording.arrow") },
];

/**
 * Fetch a file that the server makes of this run.
 * @param {any} s
 * @param {string} name
 */
export function download(s, name) {
  if (s.socket) el("a", { href: appUrl(s.socket.replace(/socket$/, name)).href, download: "" }).click();
}

export function openSave(s) {
  const lines = WAYS.filter(({ when }) => !when || when(s)).map(({ title, about, act }) =>
    el("li", {}, el("button", { class: "bnviz-button", onclick: () => { act(s); s.sheet?.close(); } }, title), el("span", {}, about)));
  openSheet(s, "Save", el("ul", { class: "bnviz-ways" }, ...lines));
}
