/** What events do to the list of notifications, without a browser. Lists are the newest first. */
import type { ServerEvents } from "../../api/schema";
import type { Answer } from "../../api/types";

export type Notifications = Answer<"listNotifications">;
export type Notification = Notifications["items"][number];
export type Sent = ServerEvents["notification"];
export type Read = ServerEvents["notification:read"];

/** Which of them the page shows. */
export type Filter = "all" | "unread" | "mention" | "requests";

/** What is asked of the server. */
export const queryOf = (filter: Filter): Record<string, string> =>
  ({ all: {}, unread: { unread: "true" }, mention: { kind: "mention" }, requests: { requests: "true" } })[filter];

const isOf = (filter: Filter, sent: Sent): boolean => filter !== "requests" && (filter !== "mention" || sent.kind === "mention");

/** A notification takes the place of the one that it continues, and stands at the top of a list that it belongs to. */
export function arrived(held: Notifications, { replaces, ...sent }: Sent, filter: Filter = "all"): Notifications {
  const others = held.items.filter((one) => one.id !== replaces && one.id !== sent.id);
  const items = isOf(filter, { replaces, ...sent }) ? [sent as Notification, ...others] : others;
  return { ...held, items, unread: held.unread + (replaces || held.items.some((one) => one.id === sent.id) ? 0 : 1) };
}

/** Ids are UUIDv7: in the order of time, as texts too. */
export function read(held: Notifications, { until, ids, unread }: Read, at: string): Notifications {
  const isRead = (id: string): boolean => (ids ? ids.includes(id) : until !== null && id <= until);
  return { ...held, unread, items: held.items.map((one) => (isRead(one.id) && !one.read_at ? { ...one, read_at: at } : one)) };
}

/** It was dealt with: the server has withdrawn it. */
export function without(held: Notifications, id: string): Notifications {
  const gone = held.items.find((one) => one.id === id);
  const items = held.items.filter((one) => one.id !== id);
  return { ...held, items, unread: Math.max(0, held.unread - (gone && !gone.read_at ? 1 : 0)) };
}

/** The next page, without what has come to the top since. */
export function continued(held: Notifications, next: Notifications): Notifications {
  const known = new Set(held.items.map((one) => one.id));
  return { items: [...held.items, ...next.items.filter((one) => !known.has(one.id))], next: next.next, unread: next.unread };
}
