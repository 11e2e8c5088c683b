// The link that others can open, and what a message says of its sender.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { addressed, adoptLead } from "../../bnviz/ui/player/follow.js";
import { reachable } from "../../bnviz/ui/player/share.js";

test("a name that every machine takes for itself gives way to the address on the network", () => {
  for (const host of ["localhost", "127.0.0.1", "127.1.2.3", "[::1]", "a.localhost"]) {
    assert.deepEqual(reachable(`http://${host}:8501/at/?a=1`, "10.1.2.3"), { href: "http://10.1.2.3:8501/at/?a=1", local: false });
    assert.equal(reachable(`http://${host}:8501/`, null).local, true);
    assert.equal(reachable(`http://${host}:8501/`, "127.0.0.1").local, true);
  }
  for (const host of ["10.1.2.3", "demo.school.org", "localhost.school.org", "127.school.org"])
    assert.deepEqual(reachable(`https://${host}/`, "10.9.9.9"), { href: `https://${host}/`, local: false });
});

let s;
beforeEach(() => {
  s = { data: { audience: true }, view: { theme: "dark", stacked: true }, following: true, follow: {}, followed: {}, root: { dataset: {} }, tabs: { children: [] },
    body: { setAttribute() {} } };
  adoptLead(s, { tab: "time", layer: 1, theme: "light", stacked: false, present: true, away: false });
});

test("what the speaker looks at is taken over, but for theme and size", () => {
  assert.deepEqual(s.view, { tab: "time", layer: 1, theme: "dark", stacked: true, present: true, away: false });
  assert.equal(s.tab, "time");
});

test("theme, size and a wish for all of it anew are no choice", () => {
  for (const message of [{ view: { ...s.view, theme: "light", stacked: false } }, { resync: true }, { view: s.view }])
    assert.equal(addressed(s, message).follow, true);
});

test("another tab, layer or step is, and it lasts", () => {
  for (const message of [{ view: { ...s.view, layer: 2 } }, { view: { ...s.view, tab: "layers" } }, { seek: 3 }, { seek: null }, { move: 1 }]) {
    s.following = true;
    assert.deepEqual(addressed(s, message), { ...message, follow: false });
    assert.equal(addressed(s, { resync: true }).follow, false);
    assert.equal(s.follow.hidden, false);
  }
});

test("the speaker's key goes with every message, and others send none", () => {
  assert.deepEqual(addressed({ data: { control: "key" } }, { seek: 3 }), { seek: 3, control: "key" });
  assert.deepEqual(addressed({ data: { control: null } }, { seek: 3 }), { seek: 3 });
  assert.deepEqual(addressed({}, { seek: 3 }), { seek: 3 });
});
