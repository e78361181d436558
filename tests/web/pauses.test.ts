import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { Pauses } from "@web/features/ads/pauses";

const mark = (id: string, at: number, kind = "ad_break") => ({ id, kind, at });

/** The pauses that are come to as the player tells where it is. */
function comeTo(places: number[], marks: ReturnType<typeof mark>[]): (string | null)[] {
  const pauses = new Pauses();
  return places.map((at) => pauses.due(at, marks)).filter((id) => id !== null);
}

test("a pause is come to as it is played, and not where playback begins or jumps to", () => {
  deepEqual(comeTo([9.5, 9.75, 10, 10.25], [mark("a", 10)]), ["a"]);
  deepEqual(comeTo([10.1, 10.3], [mark("a", 10)]), []);
  deepEqual(comeTo([5, 20, 20.3], [mark("a", 10)]), []);
  deepEqual(comeTo([9.9, 10.1], [mark("a", 10, "chapter")]), []);
});

test("who has rewound comes to it at its place, and again when they rewind once more", () => {
  deepEqual(comeTo([600, 600.3, 9.8, 10.1, 10.4, 9.8, 10.1], [mark("a", 10)]), ["a", "a"]);
});

test("one that the playlist names a moment too late is shown all the same, and one of long ago is not", () => {
  const pauses = new Pauses();
  deepEqual(pauses.due(9.8, []), null);
  deepEqual(pauses.due(10.3, []), null);
  deepEqual(pauses.due(10.6, [mark("a", 10), mark("old", 2)]), "a");
  deepEqual(pauses.due(10.9, [mark("a", 10), mark("old", 2)]), null);
});

test("what a first playlist names behind the viewer was not missed", () => {
  const pauses = new Pauses();
  deepEqual([pauses.due(12, [mark("a", 10)]), pauses.due(12.3, [mark("a", 10)])], [null, null]);
});
