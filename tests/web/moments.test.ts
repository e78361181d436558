import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { Moments } from "@web/features/chat/moments";
import type { ChatEntry } from "@web/api/types";

const message = (offset: number, userId = "u"): ChatEntry =>
  ({ id: `m${offset}`, offset, text: `t${offset}`, user: { id: userId } }) as unknown as ChatEntry;

/** Timers and a clock that the test moves. */
function clock() {
  let now = 1000;
  const timers = new Map<object, { at: number; call: () => void }>();
  return {
    now: () => now,
    after: (ms: number, call: () => void) => {
      const key = {};
      timers.set(key, { at: now + ms, call });
      return () => void timers.delete(key);
    },
    timers: () => timers.size,
    move(ms: number) {
      const until = now + ms;
      for (;;) {
        const [key, due] = [...timers].filter(([, { at }]) => at <= until).sort(([, a], [, b]) => a.at - b.at)[0] ?? [];
        if (!key || !due) break;
        timers.delete(key);
        now = due.at;
        due.call();
      }
      now = until;
    },
  };
}

function watched() {
  const time = clock();
  const shown: ChatEntry[] = [];
  const moments = new Moments({ now: time.now, after: time.after, show: (entries) => void shown.push(...entries) });
  return { time, moments, shown, ids: () => shown.map(({ id }) => id) };
}

test("a viewer who is three seconds behind reads a message three seconds later, one at the edge at once", () => {
  const { time, moments, ids } = watched();
  moments.take([message(1)], 0);
  moments.take([message(2)], 3000);
  deepEqual(ids(), ["m1"]);
  time.move(2999);
  deepEqual(ids(), ["m1"]);
  time.move(1);
  deepEqual(ids(), ["m1", "m2"]);
  equal(time.timers(), 0);
});

test("no message overtakes an earlier one when the player catches up, and one's own brings those before it along", () => {
  const { time, moments, ids } = watched();
  moments.take([message(1)], 5000);
  moments.take([message(2)], 1000);
  time.move(1000);
  deepEqual(ids(), []);
  moments.take([message(3, "me")], 0);
  deepEqual(ids(), ["m1", "m2", "m3"]);
  time.move(60_000);
  deepEqual(ids(), ["m1", "m2", "m3"]);
});

test("what is deleted or cleared while it waits is never read, and keeps its place", () => {
  const { time, moments, shown, ids } = watched();
  moments.take([message(1), message(2, "spam"), message(3), message(4, "spam")], 2000);
  moments.remove("m1");
  moments.clear(3, "spam");
  time.move(2000);
  deepEqual(ids(), ["m1", "m2", "m3", "m4"]);
  deepEqual(shown.map((entry) => entry.deleted === true), [true, true, false, false]);
});

test("a player that is far behind, or a flood, is not waited for without end, and a new log forgets what waits", () => {
  const { time, moments, shown } = watched();
  moments.take([message(1)], 3_600_000);
  time.move(30_000);
  equal(shown.length, 1);
  moments.take(Array.from({ length: 501 }, (_, n) => message(n + 2)), 10_000);
  equal(shown.length, 502);
  moments.take([message(600)], 10_000);
  moments.reset();
  time.move(60_000);
  equal(shown.length, 502);
  equal(time.timers(), 0);
});
