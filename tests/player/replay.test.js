// Playing a recording: when the next step is asked for, and what the buttons say.
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { advance, replay } from "../../bnviz/ui/player/replay.js";

let s;
beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  const sent = [];
  s = {
    sent, known: { first: 0 }, ws: { readyState: 1, send: (text) => sent.push(JSON.parse(text)) }, root: { dataset: {} }, last: 100,
    play: { ariaLabel: "Play", firstChild: {} }, pace: { value: "10" }, ticked: -Infinity,
  };
});

test("play asks for one step, and for the next only when that is drawn", () => {
  replay(s, "play");
  mock.timers.tick(5000);
  assert.deepEqual(s.sent, [{ move: 1 }]);
  advance(s, { live: false });
  mock.timers.tick(100);
  assert.equal(s.sent.length, 2);
  assert.equal(s.play.ariaLabel, "Pause");
});

test("pause asks for nothing more", () => {
  replay(s, "play");
  replay(s, "pause");
  mock.timers.tick(5000);
  assert.deepEqual(s.sent, []);
  assert.equal(s.root.dataset.status, "kept");
});

test("at the end it stops; play then begins anew", () => {
  replay(s, "play");
  advance(s, { live: true });
  mock.timers.tick(5000);
  assert.equal(s.play.ariaLabel, "Play");
  s.sent.length = 0;
  replay(s, "play");
  assert.deepEqual(s.sent, [{ seek: 0 }]);
});

test("step and back move by one measured step", () => {
  replay(s, "step");
  replay(s, "back");
  assert.deepEqual(s.sent, [{ move: 1 }, { move: -1 }]);
});
