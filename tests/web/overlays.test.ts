import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatEntry } from "@web/api/types";
import { added, cleared, MAX_LINES, removed, shownOf } from "@web/features/overlays/lines";

const message = (offset: number, userId = "ada"): ChatEntry => ({
  id: `m${offset}`,
  offset,
  user: { id: userId, username: userId, display_name: userId, badges: [] },
  text: "hi",
  sent_at: "2026-05-01T12:00:00Z",
});
const offsets = (lines: { offset: number }[]): number[] => lines.map((one) => one.offset);

test("an overlay holds the newest lines and no more, however long it is open", () => {
  let lines = shownOf([message(1), { id: "m2", offset: 2, deleted: true }, message(3)]);
  assert.deepEqual(offsets(lines), [1, 3]);
  for (let n = 4; n < 200; n += 1) lines = added(lines, [message(n)]);
  assert.equal(lines.length, MAX_LINES);
  assert.equal(lines.at(-1)?.offset, 199);
});

test("what comes again is shown once, and what is deleted goes", () => {
  const lines = added(shownOf([message(1), message(2, "bob")]), [message(2, "bob"), message(3)]);
  assert.deepEqual(offsets(lines), [1, 2, 3]);
  assert.deepEqual(offsets(removed(lines, "m2")), [1, 3]);
  assert.deepEqual(offsets(cleared(lines, 2, null)), [3]);
  assert.deepEqual(offsets(cleared(lines, 2, "bob")), [1, 3]);
});
