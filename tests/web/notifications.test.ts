import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { arrived, continued, read, without, type Notifications, type Sent } from "@web/features/notifications/list";

const one = (id: string): Sent => ({ id, kind: "follow", people: [], count: 1, subject: null, created_at: "2026-11-29T12:00:00Z", read_at: null, replaces: null });
const page = (...ids: string[]): Notifications => ({ items: ids.map((id) => { const { replaces: _, ...rest } = one(id); return rest; }), next: null, unread: ids.length });
const idsOf = (list: Notifications): string[] => list.items.map(({ id }) => id);

test("a new notification stands at the top and is unread", () => {
  const list = arrived(page("1"), one("2"));
  deepEqual([idsOf(list), list.unread], [["2", "1"], 2]);
});

test("one that somebody has joined takes its own place and does not count twice", () => {
  const list = arrived(page("2", "1"), { ...one("3"), replaces: "1" });
  deepEqual([idsOf(list), list.unread], [["3", "2"], 2]);
});

test("the same event twice changes nothing", () => {
  const list = arrived(arrived(page(), one("1")), one("1"));
  deepEqual([idsOf(list), list.unread], [["1"], 1]);
});

test("what another device has read is read here, up to one or by name", () => {
  const at = "2026-11-29T13:00:00Z";
  const until = read(page("3", "2", "1"), { until: "2", ids: null, unread: 1 }, at);
  deepEqual(until.items.map((item) => item.read_at), [null, at, at]);
  equal(until.unread, 1);
  const named = read(page("3", "2", "1"), { until: null, ids: ["3"], unread: 2 }, at);
  deepEqual(named.items.map((item) => item.read_at), [at, null, null]);
});

test("one that was dealt with goes, and counts no longer among the unread", () => {
  const list = without(page("2", "1"), "2");
  deepEqual([idsOf(list), list.unread], [["1"], 1]);
  const isRead = read(page("2", "1"), { until: "2", ids: null, unread: 0 }, "2026-11-29T13:00:00Z");
  equal(without(isRead, "1").unread, 0);
  deepEqual(idsOf(without(list, "3")), ["1"]);
});

test("the next page leaves out what has come to the top since", () => {
  deepEqual(idsOf(continued(page("3", "2"), page("2", "1"))), ["3", "2", "1"]);
});
