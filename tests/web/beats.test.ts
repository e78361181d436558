/** A player tells when a video plays, every ten seconds, and when it stands still: once each. */
import { deepEqual } from "node:assert/strict";
import { mock, test } from "node:test";
import { beats } from "@web/features/player/beats";

function playing(): { element: EventTarget; told: boolean[]; stop: () => void; after: (ms: number) => void } {
  mock.timers.enable({ apis: ["setInterval"] });
  const element = new EventTarget();
  const told: boolean[] = [];
  const stop = beats(element, (isPlaying) => told.push(isPlaying));
  return { element, told, stop, after: (ms) => mock.timers.tick(ms) };
}

test("a video that plays is told every ten seconds, a pause once", () => {
  const { element, told, after } = playing();
  for (const name of ["playing", "playing"]) element.dispatchEvent(new Event(name));
  after(25_000);
  for (const name of ["waiting", "pause", "ended"]) element.dispatchEvent(new Event(name));
  after(60_000);
  deepEqual(told, [true, true, true, false]);
  mock.timers.reset();
});

test("who leaves is told once, and nothing after that", () => {
  const { element, told, stop, after } = playing();
  element.dispatchEvent(new Event("playing"));
  stop();
  stop();
  element.dispatchEvent(new Event("playing"));
  after(60_000);
  deepEqual(told, [true, false]);
  mock.timers.reset();
});
