// The line under the charts, and the way back where there is no socket.
import assert from "node:assert/strict";
import { test } from "node:test";
import { showFoot } from "../../bnviz/ui/player/foot.js";
import { send } from "../../bnviz/ui/player/socket.js";

const line = (health, reported = false) => {
  const s = { foot: { textContent: "" }, reported };
  showFoot(s, { runs: 1, viewers: 1, loop_lag_ms: 3, ...health });
  return s.foot.textContent;
};

test("how busy the server is, in a few words", () => {
  assert.equal(line({}), "1 run on this server · 1 watching");
  assert.equal(line({ runs: 3, viewers: 40, loop_lag_ms: 900 }), "3 runs on this server · 40 watching · busy");
});

test("a slower way is said", () => {
  assert.match(line({}, true), /^1 run on this server · 1 watching · pictures come by way of the page/);
});

test("without a socket the page passes on what is sent, once it can", () => {
  const passed = [], s = { data: { control: "key" }, ws: { readyState: 3 }, reported: true };
  send(s, { command: "play" });
  s.pass = (message) => passed.push(message);
  send(s, { command: "pause" });
  assert.deepEqual(passed, [{ command: "pause", control: "key" }]);
});
