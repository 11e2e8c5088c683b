// The quiet line under the charts: how busy the server is, and whether its pictures come another way than usual.
import { appUrl, el } from "./dom.js";

const BUSY = 250; // milliseconds that the server comes too late to what it has to do

export const buildFoot = (s) => (s.foot = el("p", { class: "bnviz-foot" }));

export async function askHealth(s) {
  if (document.hidden || s.reported || !s.socket || s.data.file || s.data.audience) return;
  try {
    showFoot(s, await (await fetch(appUrl("/bnviz/health"))).json());
  } catch { /* the next one is soon enough: nothing depends on it */ }
}

/**
 * @param {any} s
 * @param {{runs: number, viewers: number, loop_lag_ms: number}} health
 */
export function showFoot(s, { runs, viewers, loop_lag_ms: lag }) {
  const count = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;
  const told = [`On this server: ${count(runs, "run")}, ${count(viewers, "viewer")}`, lag > BUSY && "busy"];
  if (s.reported) told.push("pictures come by way of the page, fewer a second: this host passes nothing else on");
  s.foot.textContent = told.filter(Boolean).join(" · ");
}
