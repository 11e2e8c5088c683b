// Plotly's insides are looked for once; where they are others, the slower way is taken, and said once.
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

const trace = { type: "scatter", visible: true, _module: { calc() {} } };
const layout = { _basePlotModules: [{ plot() {} }], _plots: { xy: { plot: { select() {} } } } };
const plot = (changes = {}) => ({ calcdata: [], _fullData: [trace], _fullLayout: layout, ...changes });
const data = [{ x: [1, 2] }];
let fresh = 0, canRedraw;

beforeEach(async () => {
  ({ canRedraw } = await import(`../../bnviz/ui/player/plotly_fast.js?${fresh++}`));
});

test("with all insides there, scatter traces take the fast way", () => {
  assert.ok(canRedraw(plot(), data));
  assert.ok(!canRedraw(plot({ _fullData: [{ ...trace, type: "heatmap" }] }), data));
  assert.ok(!canRedraw(plot(), [{ x: [] }]), "a trace that is empty now has another style");
  assert.ok(canRedraw(plot({ _fullData: [{ ...trace, type: "bar" }] }), [{}]), "nothing is new, so nothing is drawn");
  assert.ok(!canRedraw(plot(), [...data, ...data]), "another number of traces");
});

for (const [what, changes] of Object.entries({
  "calcdata": { calcdata: undefined },
  "_fullLayout": { _fullLayout: undefined },
  "_basePlotModules": { _fullLayout: { ...layout, _basePlotModules: undefined } },
  "plot of a module": { _fullLayout: { ...layout, _basePlotModules: [{}] } },
  "_plots": { _fullLayout: { ...layout, _plots: undefined } },
  "_fullData": { _fullData: undefined },
  "calc of a trace": { _fullData: [{ ...trace, _module: {} }] },
})) {
  test(`without ${what} it does not, ever`, () => {
    const said = mock.method(console, "info", () => {});
    assert.ok(!canRedraw(plot(changes), data));
    assert.ok(!canRedraw(plot(), data));
    assert.equal(said.mock.callCount(), 1);
    said.mock.restore();
  });
}
