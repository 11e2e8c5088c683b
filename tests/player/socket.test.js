// A socket that dies without a word, and a page that comes back.
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { backAgain, connect, watchOver } from "../../bnviz/ui/player/socket.js";

let s, opened, now, slept;
class Socket {
  constructor() { Object.assign(this, { readyState: 1, sent: [] }); opened.push(this); }
  send(text) { this.sent.push(JSON.parse(text)); }
  close() { this.readyState = 3; }
}
const pass = (milliseconds, says = () => {}) => {
  for (let at = 0; at < milliseconds; at += 500) { now += 500; says(); mock.timers.tick(500); }
};

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  [opened, now, slept] = [[], 0, 0];
  mock.method(performance, "now", () => now);
  mock.method(Date, "now", () => now + slept);
  Object.assign(globalThis, { WebSocket: Socket, window: {}, document: { hidden: false, scripts: [], baseURI: "http://host/" } });
  s = { socket: "/socket", data: {}, view: {}, tries: 0, root: { dataset: {} } };
  connect(s);
  s.ws.onopen();
  watchOver(s);
});

test("a socket that says something every few seconds stays", () => {
  pass(60_000, () => now % 4000 || s.ws.onmessage({ data: '{"type":"beat"}' }));
  assert.equal(opened.length, 1);
});

test("one that is silent is opened anew, again and again", () => {
  pass(12_000);
  assert.equal(opened.length, 1);
  pass(1500);
  assert.equal(opened.length, 2);
  pass(13_500);
  assert.equal(opened.length, 3);
});

test("a hidden page does not look", () => {
  s.ws.onmessage({ data: '{"type":"beat"}' });
  globalThis.document.hidden = true;
  pass(60_000);
  assert.equal(opened.length, 1);
});

test("a page that comes back asks for the newest, and opens another socket where nobody answers", () => {
  pass(500);
  backAgain(s);
  assert.deepEqual(opened[0].sent, [{ view: {} }, { resync: true }]);
  pass(500);
  assert.equal(opened.length, 2);
});

test("where somebody answers it stays", () => {
  pass(500);
  backAgain(s);
  s.ws.onmessage({ data: '{"type":"beat"}' });
  pass(1000);
  assert.equal(opened.length, 1);
});

test("a closed one is opened at once, however long it would have waited", () => {
  opened[0].close();
  backAgain(s);
  assert.equal(opened.length, 2);
});

test("after sleep, which only the clock on the wall tells, it asks too", () => {
  slept = 3_600_000;
  pass(1000);
  assert.deepEqual(opened[0].sent, [{ view: {} }, { resync: true }]);
});
