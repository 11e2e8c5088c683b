// In Present a chart is called by its number, also one of two digits.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { typed } from "../../bnviz/ui/player/present.js";

let s;
beforeEach(() => {
  s = { charts: 11, view: {}, data: {}, root: { classList: { toggle() {} } } };
});

// The chart that is large after these digits, each so many milliseconds after the one before.
function after(...digits) {
  let now = 0;
  for (const [digit, pause] of digits) typed(s, digit, (now += pause));
  return s.view.large;
}

test("two digits at once are one number where there are so many charts", () => {
  assert.equal(after([1, 0], [0, 200]), 10);
  assert.equal(after([1, 5000], [1, 200]), 11);
  assert.equal(after([2, 5000], [3, 200]), 3, "there is no chart 23");
  assert.equal(after([1, 5000], [0, 200], [5, 200]), 5, "after a whole number another begins");
});

test("a digit after a while is a number of its own, and 0 is all charts", () => {
  assert.equal(after([1, 0]), 1);
  assert.equal(after([1, 5000], [0, 3000]), null);
  s.charts = 9;
  assert.equal(after([1, 5000], [0, 200]), null);
});
