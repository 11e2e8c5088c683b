// The line under the charts, and the way back where there is no socket.
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { showFoot } from "../../bnviz/ui/player/foot.js";
import { connect, send } from "../../bnviz/ui/player/socket.js";

const line = (health, reported = false) => {
  const s = { foot: { textContent: "" }, reported };
  showFoot(s, { runs: 1, viewers: 1, loop_lag_ms: 3, ...health });
  return s.foot.textContent;
};

test("how busy the server is, in a few words", () => {
  assert.equal(line({}), "On this server: 1 run, 1 viewer");
  assert.equal(line({ runs: 3, viewers: 40, loop_lag_ms: 900 }), "On this server: 3 runs, 40 viewers · busy");
});

test("a slower way is said", () => {
  assert.match(line({}, true), /^On this server: 1 run, 1 viewer · pictures come by way of the page/);
});

test("without a socket the page passes on what is sent, once it can", () => {
  const passed = [], s = { data: { control: "key" }, ws: { readyState: 3 }, reported: true };
  send(s, { command: "play" });
  s.pass = (message) => passed.push(message);
  send(s, { command: "pause" });
  assert.deepEqual(passed, [{ command: "pause", control: "key" }]);
});

test("a socket that does not open within two seconds is said to be hidden, and no longer once it opens", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const told = [], sent = [];
  class Socket { readyState = 0; send(text) { sent.push(JSON.parse(text)); } close() {} }
  Object.assign(globalThis, { WebSocket: Socket, window: { Plotly: {} }, document: { scripts: [], baseURI: "http://host/", hidden: false } });
  const s = { data: {}, socket: "/bnviz/run/x/socket", view: { tab: "layers" }, tries: 0, trigger: (name, value) => told.push([name, value]) };
  connect(s);
  mock.timers.tick(1999);
  s.ws.onclose();
  assert.deepEqual(told, []);
  mock.timers.tick(1);
  assert.deepEqual(told, [["unreachable", { socket: true, plotly: false }]]);
  mock.timers.tick(60_000); // it is tried again all the while
  s.ws.readyState = 1;
  s.ws.onopen();
  assert.deepEqual(told[1], ["unreachable", { socket: false, plotly: false }]);
  assert.deepEqual(sent, [{ view: s.view }]);
});
