// The socket: what Python sends, and what goes back.
import { appUrl } from "./dom.js";
import { schedule } from "./player.js";
import { replay } from "./replay.js";
import { problem, showStatus } from "./toolbar.js";

export function connect(s) {
  clearTimeout(s.retry);
  s.ws?.close();
  if (s.data.file) { // no server: what it would send is at hand
    s.ws = s.data.file((message) => receive(s, message));
    send(s, { view: s.view });
    return;
  }
  if (!s.socket) return;
  const url = appUrl(s.socket);
  url.protocol = url.protocol.replace("http", "ws");
  const ws = (s.ws = new WebSocket(url));
  const late = setTimeout(() => ws.readyState === 0 && unreachable(s), 3000);
  ws.onopen = () => { clearTimeout(late); send(s, { view: s.view }); };
  ws.onmessage = (event) => {
    if (ws !== s.ws) return;
    s.tries = 0;
    receive(s, JSON.parse(event.data));
  };
  ws.onclose = () => {
    clearTimeout(late);
    if (ws !== s.ws || s.closed) return;
    if (++s.tries === 3 && !s.seq) unreachable(s);
    s.retry = setTimeout(() => connect(s), Math.min(8000, 250 * 2 ** s.tries) * (0.5 + Math.random()));
  };
}

function unreachable(s) {
  if (!s.reported) s.trigger("unreachable", true);
  s.reported = true;
}

export function send(s, message) {
  if (s.ws?.readyState === 1) s.ws.send(JSON.stringify(message));
  else if (s.reported) s.trigger("send", message); // no socket here: the page passes it on
}

export function command(s, name) {
  if (s.data.kept) replay(s, name);
  else if (s.data.control) send(s, { command: name, control: s.data.control });
}

export function receive(s, message) {
  if (message.type === "problem") problem(s, message.text);
  else if (message.type === "status") showStatus(s, message);
  else if (message.type === "scene" && message.tab !== (s.view.away ? null : s.view.tab)) return; // of a tab left, or not yet asked for
  else if (message.type === "scene") { s.next = { scene: message, patch: null }; schedule(s); }
  else if (message.type === "patch" && !document.hidden) {
    // Newest wins, figure by figure: the series come only now and then, and must not get lost.
    s.next.patch = { ...message, figures: { ...s.next.patch?.figures, ...message.figures } };
    schedule(s);
  }
}
