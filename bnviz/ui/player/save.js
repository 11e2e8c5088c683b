// What can be taken away: each way is a line of the sheet that Save opens.
import { appUrl, el } from "./dom.js";
import { copy } from "./share.js";
import { openSheet } from "./sheet.js";

const made = (s) => Boolean(s.socket) && !s.data.file && !s.reported; // by a server, and not hidden by its host

/** @type {{title: string, about: string, act: (s: any) => void, when?: (s: any) => boolean}[]} */
export const WAYS = [
  { title: "Page", about: "One HTML file with all that was measured, the timeline and Present: it opens anywhere, with no network and no server.",
    act: (s) => fetched(s, "page.html", "Making the page"), when: made },
  { title: "Recording", about: "All of the run as an Arrow file: bnviz open shows it again, bnviz export makes tables of it.",
    act: (s) => download(s, "recording.arrow"), when: made },
  { title: "PyTorch", about: "A short script of these very networks, with the same data, seeds and updates, to run anywhere.", act: (s) => openScript(s),
    when: (s) => Boolean(s.data.script) || made(s) },
  { title: "Table, CSV", about: "A row for each measured step, network and layer; for a spreadsheet.",
    act: (s) => fetched(s, "table.csv", "Making the table"), when: made },
  { title: "Table, Parquet", about: "The same, small and with types; for pandas, Polars or DuckDB.",
    act: (s) => fetched(s, "table.parquet", "Making the table"), when: made },
];

/**
 * Fetch a file that the server makes of this run.
 * @param {any} s
 * @param {string} name
 */
export function download(s, name) {
  if (s.socket) el("a", { href: appUrl(s.socket.replace(/socket$/, name)).href, download: "" }).click();
}

/**
 * Fetch a file that the server has to make first, and say so while it does.
 * @param {any} s
 * @param {string} name
 * @param {string} doing
 */
async function fetched(s, name, doing) {
  const said = el("p", { role: "status" }, `${doing} …`), began = performance.now();
  const sheet = openSheet(s, "Save", said, el("progress"));
  const ticking = setInterval(() => { said.textContent = `${doing} … ${Math.round((performance.now() - began) / 1000)} s`; }, 1000);
  try {
    const response = await fetch(appUrl(s.socket.replace(/socket$/, name)));
    if (!response.ok) throw new Error(await response.text());
    const file = response.headers.get("Content-Disposition")?.match(/filename="(.+)"/)?.[1] ?? name;
    if (sheet.open) keep(await response.blob(), file); // or it was put away meanwhile
    sheet.close();
  } catch (/** @type {any} */ error) {
    sheet.querySelector("progress").remove();
    said.textContent = error instanceof TypeError ? "The server does not answer." : error.message;
  } finally { clearInterval(ticking); }
}

// The script that trains these networks, to be copied or kept.
async function openScript(s) {
  const said = el("p", { role: "status" }), code = el("pre", { class: "bnviz-code", tabindex: 0 }), head = el("p");
  openSheet(s, "PyTorch", head, said, code);
  try {
    const response = s.data.script ? new Response(s.data.script) : await fetch(appUrl(s.socket.replace(/socket$/, "script.py")));
    const text = await response.text();
    if (!response.ok) throw new Error(text);
    code.textContent = text;
    const ask = el("button", { class: "bnviz-button bnviz-main", onclick: async () => { await copy(text); said.textContent = "Copied."; } }, "Copy");
    head.append(ask, " ", el("button", { class: "bnviz-button", onclick: () => keep(new Blob([text], { type: "text/x-python" }), "bnviz_run.py") }, "Download"));
    ask.focus();
  } catch (/** @type {any} */ error) {
    said.textContent = error instanceof TypeError ? "The server does not answer." : error.message;
  }
}

/**
 * Give the reader a file.
 * @param {Blob} blob
 * @param {string} name
 */
export function keep(blob, name) {
  const href = URL.createObjectURL(blob);
  el("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

export function openSave(s) {
  const lines = WAYS.filter(({ when }) => !when || when(s)).map(({ title, about, act }) =>
    el("li", {}, el("button", { class: "bnviz-button", onclick: () => { s.sheet?.close(); act(s); } }, title), el("span", {}, about)));
  const hidden = s.reported && "This host passes on the page alone: the recording can be had in the tab Recordings, and the sign on a chart saves its picture.";
  openSheet(s, "Save", hidden ? el("p", {}, hidden) : el("ul", { class: "bnviz-ways" }, ...lines));
}
