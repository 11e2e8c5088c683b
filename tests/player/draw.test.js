// Decoding and axes, against plain loops; and what happens where Plotly's insides are others.
import assert from "node:assert/strict";
import { test } from "node:test";
import { axes, decode } from "../../bnviz/ui/player/draw.js";

const encoded = (dtype, array, shape) => ({ dtype, bdata: Buffer.from(array.buffer).toString("base64"), shape });

test("numbers come back as they were sent", () => {
  for (const [dtype, kind] of Object.entries({ f4: Float32Array, f8: Float64Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array, u1: Uint8Array })) {
    const numbers = kind.from([0, 1, 2, 250, 7]);
    assert.deepEqual(decode(encoded(dtype, numbers)), numbers);
  }
});

test("gaps survive", () => {
  assert.ok(Number.isNaN(decode(encoded("f4", Float32Array.from([1, NaN])))[1]));
});

test("two dimensions come back row by row", () => {
  const rows = decode(encoded("i2", Int16Array.from([1, 2, 3, 4, 5, 6]), "2, 3"));
  assert.deepEqual(rows.map((row) => [...row]), [[1, 2, 3], [4, 5, 6]]);
});

test("what is no array of ours stays", () => {
  for (const value of [["a", "b"], undefined, null, 3, "text"]) assert.equal(decode(value), value);
});

test("ranges and ticks are taken by name, and nothing else", () => {
  const layout = { xaxis: { range: [0, 1], dtick: 2, color: "red" }, yaxis: { range: [3, 4] }, margin: {} };
  assert.deepEqual(axes(layout), { "xaxis.range": [0, 1], "xaxis.dtick": 2, "yaxis.range": [3, 4] });
  assert.deepEqual(axes({}), {});
});
