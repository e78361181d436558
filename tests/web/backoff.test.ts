import assert from "node:assert/strict";
import { test } from "node:test";
import { mostMs, refusedMs } from "@web/realtime/backoff";

test("a page whose server restarts is back within five seconds of its return", () => {
  for (const awayMs of [0, 10_000, 60_000, 119_999]) assert.ok(mostMs(awayMs) * 1.3 < 5000, String(awayMs));
});

test("a page that has been away for long is in no hurry", () => {
  assert.equal(mostMs(120_000), 15_000);
});

test("refused handshakes are tried ever more slowly, up to a bound", () => {
  assert.deepEqual([1, 2, 3].map(refusedMs), [800, 1600, 3200]);
  assert.equal(refusedMs(6), 15_000);
  assert.equal(refusedMs(1000), 15_000);
});
