// Sharing: the link to this very run.
import { el } from "./dom.js";
import { problem } from "./toolbar.js";

export async function share(s, button) {
  const link = document.location.href;
  await copy(link);
  button.firstChild.textContent = "Link copied";
  setTimeout(() => { button.firstChild.textContent = "Share"; }, 1500);
  if (s.changed)
    problem(s, "The link shows this run while it lasts, then starts with the settings as they are now: what was changed on the way "
      + "is in the recording (Save).");
}

/** @param {string} text */
export async function copy(text) {
  try { await navigator.clipboard.writeText(text); } catch {
    // No clipboard without https.
    const field = /** @type {HTMLTextAreaElement} */ (el("textarea", { style: "position: fixed; opacity: 0" }, text));
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}
