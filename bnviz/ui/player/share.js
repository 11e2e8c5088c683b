// Sharing: a link and its QR code for the audience, and the link to the whole page.
import { appUrl, el } from "./dom.js";
import { openSheet } from "./sheet.js";

const ITSELF = /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/; // every machine takes these names for itself

/**
 * A link as others can open it, where that can be had: by this machine's address on the network.
 * @param {string} href
 * @param {string | null} address
 */
export function reachable(href, address) {
  const url = new URL(href);
  if (ITSELF.test(url.hostname) && address && !ITSELF.test(address)) url.hostname = address;
  return { href: url.href, local: ITSELF.test(url.hostname) };
}

export function openShare(s) {
  if (s.reported) {
    openSheet(s, "Share", el("p", {}, "This host passes on the page alone, not what an audience would open. The address of the page can be shared: "),
      copyButton("Copy link", document.location.href));
    return;
  }
  const { address, run } = s.data;
  const { href: base, local } = reachable(appUrl("").href, address);
  const link = `${base}bnviz/watch/${run}`;
  const code = appUrl(`/bnviz/run/${run}/qr.svg?base=${encodeURIComponent(base)}`).href;
  const looked = s.data.audience ? "the speaker looks" : "you look";
  const shown = s.data.kept ? "this recording, each at their own pace" : `this very run, following what ${looked} at, and cannot steer it`;
  const alone = address ? "it is on no network now." : "start bnviz with --lan to let phones on your network open it.";
  openSheet(s, "Share", el("div", { class: "bnviz-share" },
    el("img", { class: "bnviz-qr", src: code, alt: "QR code of the link for the audience" }),
    el("a", { class: "bnviz-watch", href: link, target: "_blank", rel: "noopener" }, link.replace(/^https?:\/\//, "")),
    local && el("p", { class: "bnviz-only-here" }, `Only this machine can open this link: ${alone}`) || "",
    el("ul", { class: "bnviz-ways" },
      el("li", {}, copyButton("Copy audience link", link), el("span", {}, `For phones: who opens it sees ${shown}.`)),
      s.data.audience ? "" : el("li", {}, copyButton("Copy link", reachable(document.location.href, address).href),
        el("span", {}, "This whole page: who opens it sees this run, and can start one of their own. ", aboutChanges(s))))));
}

const aboutChanges = (s) => (s.changed
  ? "The link shows this run while it lasts, then starts with the settings as they are now: what was changed on the way is in the recording (Save)." : "");

function copyButton(name, text) {
  const button = el("button", { class: "bnviz-button", onclick: async () => {
    await copy(text);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = name; }, 1500);
  } }, name);
  return button;
}

/** @param {string} text */
export async function copy(text) {
  try { await navigator.clipboard.writeText(text); } catch {
    // No clipboard without https. What is outside an open sheet cannot be selected.
    const field = /** @type {HTMLTextAreaElement} */ (el("textarea", { style: "position: fixed; opacity: 0" }, text));
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}
