// The audience's page: it follows what the speaker looks at, until its viewer chooses something else.
import { el } from "./dom.js";
import { send } from "./socket.js";
import { markTab } from "./tabs.js";

const FOLLOWERS_OWN = ["theme", "stacked", "present", "away"]; // never the speaker's
const choiceOf = (view) => JSON.stringify(Object.entries(view).filter(([name]) => !FOLLOWERS_OWN.includes(name)).sort());

// Once the page knows that it is one: nothing to steer with, and a word on whom it follows.
export function beAudience(s) {
  if (s.following !== undefined) return;
  s.following = !s.data.kept; // nobody leads through a recording
  s.led = choiceOf(s.view);
  s.root.classList.add("bnviz-audience");
  s.followed = el("span", { class: "bnviz-followed", role: "status" });
  s.follow = el("button", { class: "bnviz-button bnviz-follow", onclick: () => followSpeaker(s, true) }, "Follow the speaker");
  if (!s.data.kept) s.status.after(s.followed, s.follow);
  document.addEventListener("visibilitychange", () => document.hidden && s.ws?.close(), { signal: s.abort.signal });
  showFollowing(s);
}

// A phone in a pocket costs nothing.
export const asleep = (s) => s.data?.audience && document.hidden;

function followSpeaker(s, following) {
  s.following = following;
  showFollowing(s);
  if (following) send(s, { resync: true });
}

function showFollowing(s) {
  s.follow.hidden = s.following;
  s.followed.textContent = s.following ? "Following the speaker" : "";
}

/**
 * A message with what the server must know of its sender; a choice of the viewer's own ends following.
 * @param {any} s
 * @param {Record<string, any>} message
 */
export function addressed(s, message) {
  if (s.data?.control) return { ...message, control: s.data.control };
  if (s.following === undefined) return message;
  const chosen = "seek" in message || "move" in message || (message.view && choiceOf(message.view) !== s.led);
  if (s.following && chosen) followSpeaker(s, false);
  return { ...message, follow: s.following };
}

// What the speaker looks at is where one's own choice begins.
export function adoptLead(s, view) {
  const own = FOLLOWERS_OWN.filter((name) => name in s.view).map((name) => [name, s.view[name]]);
  s.view = { ...view, ...Object.fromEntries(own) };
  s.led = choiceOf(s.view);
  markTab(s, view.tab);
}

export function sayLost(s) {
  if (!s.data.audience || s.closed) return;
  s.root.dataset.status = "lost";
  s.status.textContent = s.gone ? "This run is over. If the speaker goes on, ask for the new link." : "The connection is lost. Trying again …";
}

// How many watch, for the speaker alone.
export const watchingNow = (s, count) => (s.data.control && count ? `${count} watching` : "");
