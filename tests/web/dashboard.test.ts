import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { KEPT, ofArrival, ofNotification, ofRaid, withAlert, type Alert } from "@web/features/dashboard/alerts";
import { csvOf, type Analytics } from "@web/features/dashboard/calls";
import { chosen } from "@web/features/dashboard/own-stream";
import { shownRows } from "@web/features/rooms/rows";
import type { Stream } from "@web/api/types";

const person = { id: "1", username: "ann", display_name: "", avatar_url: null };
const side = (id: string) => ({ id, title: "T", state: "live", owner: { id: "o", username: "bob", display_name: "Bob" } });
const raid = { stream_id: "from", source: side("from"), target: side("to"), viewers: 40, at: "2026-05-01T10:00:00Z" };

test("a growing group of followers is one alert, which stands first again", () => {
  const one = ofNotification({ id: "n", kind: "follow", people: [person], count: 1 }, 1);
  const three = ofNotification({ id: "n", kind: "follow", people: [person], count: 3 }, 3);
  const other = ofArrival({ ...raid, came: 30 }, 2);
  const alerts = [one, other, three].reduce(withAlert, [] as readonly Alert[]);
  deepEqual(alerts.map((alert) => alert.kind), ["follow", "came"]);
  deepEqual(alerts[0], { key: "follow n", at: 3, kind: "follow", name: "ann", others: 2 });
});

test("other notifications, and raids that leave from here, are no alerts", () => {
  equal(ofNotification({ id: "n", kind: "mention", people: [person], count: 1 }, 1), null);
  equal(ofNotification({ id: "n", kind: "follow", people: [], count: 0 }, 1), null);
  equal(ofRaid(raid, "from", 1), null);
  equal(ofRaid(raid, "to", 1)?.kind, "raid");
});

test("the alerts that are kept are bounded", () => {
  let alerts: readonly Alert[] = [];
  for (let n = 0; n < KEPT * 2; n++) alerts = withAlert(alerts, ofArrival({ ...raid, stream_id: String(n), came: n }, n));
  equal(alerts.length, KEPT);
  equal(alerts[0]?.at, KEPT * 2 - 1);
});

test("what is on the air is shown before what has ended, and what is only planned is not", () => {
  const streams = (["scheduled", "ended", "interrupted", "ended"] as const).map((state, n) => ({ id: String(n), state }) as Stream);
  equal(chosen(streams)?.id, "2");
  equal(chosen(streams.filter(({ state }) => state !== "interrupted"))?.id, "1");
  equal(chosen(streams.slice(0, 1)), null);
});

test("the curve is saved as CSV with a line of names", () => {
  const retention = [{ at_s: 0, viewers: 2, share: 0.5 }, { at_s: 60, viewers: 1, share: 0.25 }];
  equal(csvOf({ retention } as Analytics), "at_s,viewers,share\r\n0,2,0.5\r\n60,1,0.25\r\n");
});

test("of a list of any length only the rows near the view are drawn", () => {
  for (const rows of [0, 1, 5, 10_000]) {
    for (const top of [-50, 0, 3600, 1e9]) {
      const { start, end } = shownRows({ top, height: 400, rowPx: 36, rows });
      equal(end - start <= 30, true);
      equal(start >= 0 && end <= Math.max(rows, start), true);
    }
  }
  deepEqual(shownRows({ top: 3600, height: 360, rowPx: 36, rows: 1000 }), { start: 92, end: 118 });
});
