// The socket: what Python sends, and what goes back.
import { appUrl } from "./dom.js";
import { addressed, adoptLead, asleep, sayLost } from "./follow.js";
import { askHealth, showFoot } from "./foot.js";
import { schedule } from "./player.js";
import { replay } from "./replay.js";
import { problem, showStatus } from "./toolbar.js";

// Milliseconds. The server says a word every few seconds; a socket can die without one, as when a laptop sleeps.
const SILENT = 12_000, ANSWER = 500, TICK = 1000, SLEPT = 5000;
const PASS_AFTER = 50;
const OPENS_WITHIN = 2000; // milliseconds: else the page passes on what the socket would bring

export function connect(s) {
  clearTimeout(s.retry);
  s.ws?.close();
  s.heard = performance.now();
  if (s.data.file) { // no server: what it would send is at hand
    s.ws = s.data.file((message) => receive(s, message));
    send(s, { view: s.view });
    return;
  }
  if (!s.socket || asleep(s)) return;
  const url = appUrl(s.socket);
  if (s.data.audience) url.search = window.DecompressionStream ? "?audience&packed" : "?audience";
  url.protocol = url.protocol.replace("http", "ws");
  const ws = (s.ws = new WebSocket(url));
  ws.binaryType = "arraybuffer";
  s.late ??= setTimeout(() => unreachable(s), OPENS_WITHIN);
  ws.onopen = () => { reached(s); send(s, { view: s.view }); askHealth(s); }; // this one is counted by now
  let seen = 0, inbox = Promise.resolve(); // what is packed takes a moment, and must stay in order
  ws.onmessage = ({ data }) => {
    s.heard = performance.now();
    if (s.data.audience) ws.send(JSON.stringify({ seen: ++seen })); // a slow network is sent less, and nothing old
    if (typeof data === "string") takeText(s, ws, data);
    else inbox = inbox.then(async () => takeText(s, ws, await unpacked(data))).catch((error) => console.error("bnviz:", error));
  };
  ws.onclose = () => {
    if (ws !== s.ws || s.closed) return;
    sayLost(s);
    s.tries++;
    s.retry = setTimeout(() => connect(s), Math.min(s.reported ? 60_000 : 8000, 250 * 2 ** s.tries) * (0.5 + Math.random()));
  };
}

/** Looks once a second whether the socket has died, or this machine has slept. */
export function watchOver(s) {
  let ticked = Date.now();
  s.watching = setInterval(() => {
    const before = ticked;
    ticked = Date.now(); // this clock goes on while a machine sleeps, as others do not everywhere
    if (document.hidden || s.data?.file || !s.socket) return;
    if (ticked - before > SLEPT) backAgain(s);
    else if (s.ws?.readyState < 2 && performance.now() - s.heard > SILENT) reopen(s);
  }, TICK);
}

/** Seen again, or on a network again: the newest at once, through a new socket where the old one does not answer. */
export function backAgain(s) {
  if (s.closed) return;
  if (s.data?.file || s.reported) send(s, { resync: true });
  else if (s.ws?.readyState !== 1) connect(s);
  else {
    const ws = s.ws, asked = performance.now();
    send(s, { resync: true });
    clearTimeout(s.answer);
    s.answer = setTimeout(() => ws === s.ws && s.heard < asked && reopen(s), ANSWER);
  }
}

function reopen(s) {
  if (s.closed) return;
  sayLost(s);
  connect(s);
}

function takeText(s, ws, text) {
  if (ws !== s.ws) return;
  const message = JSON.parse(text);
  s.tries = message.full ? 5 : 0; // where there is no room it need not be asked for at once
  receive(s, message);
}

const unpacked = (data) => new Response(new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip"))).text();

// ---- a host may pass on nothing but Streamlit's own addresses: then the page is told so, and brings all by its own ----
export const sayHidden = (s) => s.trigger("unreachable", { socket: Boolean(s.reported), plotly: !window.Plotly });

function unreachable(s) {
  s.reported = true;
  sayHidden(s);
}

function reached(s) {
  clearTimeout(s.late);
  if (!s.reported) return;
  s.reported = false;
  sayHidden(s);
}

/**
 * What the page has passed on: a message, how busy the server is, and the way back.
 * @param {any} s
 * @param {{message: any, health: any, pass: (message: any) => void}} detail
 */
export function passedOn(s, { message, health, pass }) {
  const first = !s.pass;
  let waiting = null;
  s.pass = (message) => { // not in one go with what the component tells the page: Streamlit would lose one of the two
    if (!waiting) {
      waiting = {};
      setTimeout(() => { pass(waiting); waiting = null; }, PASS_AFTER);
    }
    Object.assign(waiting, message);
  };
  if (first) send(s, { view: s.view });
  showFoot(s, health);
  if (s.ws?.readyState !== 1) receive(s, message);
}

export function send(s, given) {
  const message = addressed(s, given);
  if (s.ws?.readyState === 1) s.ws.send(JSON.stringify(message));
  else if (s.reported) s.pass?.(message);
}

export function command(s, name) {
  if (s.data.kept) replay(s, name);
  else if (s.data.control) send(s, { command: name });
}

export function receive(s, message) {
  s.gone = message.gone;
  if (s.following && message.type === "scene") adoptLead(s, message.view);
  if (message.type === "problem" && !(s.gone && s.data.audience)) problem(s, message.text);
  else if (message.type === "status") showStatus(s, message);
  else if (message.type === "scene" && message.tab !== (s.view.away ? null : s.view.tab)) return; // of a tab left, or not yet asked for
  else if (message.type === "scene") { s.next = { scene: message, patch: null }; schedule(s); }
  else if (message.type === "patch" && !document.hidden) {
    // Newest wins, figure by figure: the series come only now and then, and must not get lost.
    s.next.patch = { ...message, figures: { ...s.next.patch?.figures, ...message.figures } };
    schedule(s);
  }
}
