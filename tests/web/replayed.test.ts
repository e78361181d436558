import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { Board } from "@web/features/rooms/board";
import { Replay, type ReplaySource } from "@web/features/chat/replayed";
import type { ChatEntry } from "@web/api/types";

const TICK_MS = 250;
const PAGE = 20;

const message = (offset: number, mediaTimeMs: number, userId = "u"): ChatEntry =>
  ({ id: `m${offset}`, offset, text: `t${offset}`, media_time_ms: mediaTimeMs, user: { id: userId } }) as unknown as ChatEntry;

function sourceOf(log: ChatEntry[]): ReplaySource {
  const at = (entry: ChatEntry): number => (entry as { media_time_ms?: number }).media_time_ms ?? 0;
  return {
    key: "s",
    from: async (ms) => log.filter((entry) => at(entry) >= ms - 45_000).slice(0, PAGE),
    after: async (offset) => log.filter((entry) => entry.offset > offset).slice(0, PAGE),
  };
}

/** Plays from `startMs` for `forMs` at a rate; answers at which moment of the video each message was shown. */
async function play(replay: Replay, { startMs = 0, forMs = 60_000, rate = 1 } = {}): Promise<Map<string, number>> {
  const shown = new Map<string, number>();
  for (let now = 0; now <= forMs; now += TICK_MS) {
    const ms = startMs + now * rate;
    const due = replay.step(ms, now);
    if (due !== "sought") for (const entry of due) shown.set(entry.id, ms);
    await Promise.resolve();
    await Promise.resolve();
  }
  return shown;
}

test("the replay shows each message within 250 ms of its moment, and none before it", async () => {
  const log = Array.from({ length: 200 }, (_, n) => message(n + 1, 1000 + n * 271));
  const shown = await play(new Replay(sourceOf(log)));
  equal(shown.size, 200);
  for (const entry of log) {
    const late = (shown.get(entry.id) ?? Infinity) - (entry as { media_time_ms: number }).media_time_ms;
    equal(late >= 0 && late <= TICK_MS, true, `${entry.id}: ${late}`);
  }
});

test("after a jump the messages from there on are at their moments again", async () => {
  const log = Array.from({ length: 400 }, (_, n) => message(n + 1, n * 500));
  const replay = new Replay(sourceOf(log));
  await play(replay, { forMs: 5000 });
  const shown = await play(replay, { startMs: 120_000, forMs: 20_000 });
  for (const entry of log.slice(245, 275)) {
    const late = (shown.get(entry.id) ?? Infinity) - (entry as { media_time_ms: number }).media_time_ms;
    equal(late >= 0 && late <= TICK_MS, true, `${entry.id}: ${late}`);
  }
});

test("a message that is deleted before its moment is never shown, nor are those of who was cleared", async () => {
  const log = [message(1, 1000), message(2, 2000), message(3, 3000, "other"), message(4, 4000)];
  const replay = new Replay(sourceOf(log));
  await play(replay, { forMs: 250 });
  replay.remove("m1");
  replay.clear(3, "other");
  deepEqual([...(await play(replay, { startMs: 250, forMs: 6000 })).keys()], ["m2", "m4"]);
});

test("a message that the log says is deleted has no place in the replay", async () => {
  const log = [message(1, 1000), { id: "m2", offset: 2, deleted: true } as ChatEntry, message(3, 3000)];
  deepEqual([...(await play(new Replay(sourceOf(log)), { forMs: 6000 })).keys()], ["m1", "m3"]);
});

test("a viewer 3 s behind and one 0.3 s behind see a poll when their video has come to it", () => {
  const opened = { id: "p", revision: 1, state: "open" };
  for (const behindMs of [3000, 300]) {
    const board = new Board<typeof opened>(({ state }) => state === "closed");
    board.take(opened, 10_000, behindMs);
    let seenAt = 0;
    for (let now = 10_000; !seenAt; now += 50) if (board.shown(now).length) seenAt = now;
    equal(seenAt - 10_000, behindMs);
  }
});
