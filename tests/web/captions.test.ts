import assert from "node:assert/strict";
import { test } from "node:test";
import { Captions, type Tracks } from "@web/features/player/captions";

type Kind = TextTrack["kind"];

class List extends EventTarget implements Tracks {
  readonly all: { kind: Kind; label: string; mode: TextTrackMode }[] = [];

  [Symbol.iterator]() {
    return this.all[Symbol.iterator]();
  }

  add(label: string, kind: Kind = "captions"): void {
    this.all.push({ kind, label, mode: "disabled" });
    this.dispatchEvent(new Event("addtrack"));
  }

  modes(): string[] {
    return this.all.map(({ mode }) => mode);
  }
}

test("captions are offered as they come, other text is not", () => {
  const list = new List();
  list.add("CC1");
  const captions = new Captions(list, new AbortController().signal);
  list.add("SERVICE1");
  list.add("thumbnails", "metadata");
  assert.deepEqual(captions.offered.value, ["CC1", "SERVICE1"]);
  assert.deepEqual(list.modes(), ["hidden", "hidden", "disabled"]);
});

test("only the chosen captions show, and again when their track comes anew", () => {
  const list = new List();
  const captions = new Captions(list, new AbortController().signal);
  list.add("CC1");
  list.add("CC3");
  captions.choose("CC3");
  assert.deepEqual(list.modes(), ["hidden", "showing"]);
  list.add("CC3");
  assert.deepEqual(list.modes(), ["hidden", "showing", "showing"]);
  assert.deepEqual(captions.offered.value, ["CC1", "CC3"]);
  captions.choose(null);
  assert.deepEqual(list.modes(), ["hidden", "hidden", "hidden"]);
});

test("a player that has gone hears of no more tracks", () => {
  const list = new List();
  const abort = new AbortController();
  const captions = new Captions(list, abort.signal);
  abort.abort();
  list.add("CC1");
  assert.deepEqual(captions.offered.value, []);
});
