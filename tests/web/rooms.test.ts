import assert from "node:assert/strict";
import { test } from "node:test";
import { Board, isInView, KEEP_MS, shares } from "@web/features/rooms/board";

interface Poll {
  id: string;
  revision: number;
  state: string;
}

const board = (): Board<Poll> => new Board(({ state }) => state === "closed");
const poll = (revision: number, state = "open", id = "p"): Poll => ({ id, revision, state });

test("a poll is shown when the player has come to its moment", () => {
  const shown = board();
  shown.take(poll(0), 1000, 3000);
  assert.deepEqual(shown.shown(3999), []);
  assert.deepEqual(shown.shown(4000), [poll(0)]);
});

test("a player at the live edge shows it at once, and a wrong delay is bounded", () => {
  const shown = board();
  shown.take(poll(0), 1000, -5);
  shown.take(poll(0, "open", "far"), 1000, 1e9);
  assert.deepEqual(shown.shown(1000), [poll(0)]);
  assert.equal(shown.shown(31_000).length, 2);
});

test("an older state does not replace a later one", () => {
  const shown = board();
  shown.take(poll(5), 0, 0);
  shown.take(poll(3), 1, 0);
  assert.deepEqual(shown.shown(2), [poll(5)]);
});

test("what is closed stays in view for a while, and what was closed before is not shown", () => {
  const shown = board();
  shown.take(poll(9, "closed", "before"), 0, 0);
  shown.take(poll(0), 0, 0);
  shown.take(poll(1, "closed"), 100, 0);
  assert.deepEqual(shown.shown(100), [poll(1, "closed")]);
  shown.take(poll(1, "closed"), 5000, 0);
  assert.deepEqual(shown.shown(KEEP_MS + 99), [poll(1, "closed")]);
  assert.deepEqual(shown.shown(KEEP_MS + 100), []);
});

test("a recording shows a poll from its moment until some time after its close", () => {
  const placed = { media_time_ms: 60_000, opened_at: "2026-11-29T12:00:00Z", closes_at: "2026-11-29T12:00:30Z" };
  assert.deepEqual(
    [59_999, 60_000, 90_000 + KEEP_MS - 1, 90_000 + KEEP_MS].map((at) => isInView(placed, at)),
    [false, true, true, false],
  );
  assert.ok(!isInView({ ...placed, media_time_ms: null }, 70_000));
});

test("shares of nothing are nothing", () => {
  assert.deepEqual(shares([0, 0]), [0, 0]);
  assert.deepEqual(shares([1, 3]), [0.25, 0.75]);
});
