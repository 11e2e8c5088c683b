// Moving through a run's steps, and the marks of what happened.
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { backward, forward, grouped, seek } from "../../bnviz/ui/player/timeline.js";

let s;
beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  const sent = [];
  const note = (message) => { delete message.control; sent.push(message); };
  s = { sent, data: { control: "key" }, last: 100, ws: { readyState: 1, send: (text) => note(JSON.parse(text)) } };
});

test("the last step is followed, not stood still at", () => {
  seek(s, 100);
  mock.timers.tick(1000);
  seek(s, 99);
  assert.deepEqual(s.sent, [{ seek: null }, { seek: 99 }]);
});

test("while the slider is dragged the newest step wins, and the last one always comes", () => {
  for (let step = 1; step <= 50; step++) seek(s, step);
  assert.deepEqual(s.sent, [{ seek: 1 }]);
  mock.timers.tick(1000);
  assert.deepEqual(s.sent, [{ seek: 1 }, { seek: 50 }]);
});

test("right trains a step when live, and moves on to the next measured one in the past", () => {
  forward(s);
  backward(s);
  forward(s);
  assert.deepEqual(s.sent, [{ command: "step" }, { move: -1 }, { move: 1 }]);
});

test("marks that stand too near to each other are one, and none is lost", () => {
  const events = [300, 10, 20, 25, 60].map((step) => ({ step }));
  const groups = grouped(events, (event) => event.step, 12);
  assert.deepEqual(groups.map(({ at, events: own }) => [at, own.map(({ step }) => step)]), [[10, [10, 20]], [25, [25]], [60, [60]], [300, [300]]]);
});
