/** The notifications of who is signed in: read once, kept up by events, read again after each reconnect. */
import { effect, signal } from "@preact/signals";
import { call, me } from "../../api/session";
import type { Body } from "../../api/types";
import { hear, onConnect } from "../../realtime/socket";
import { arrived, continued, queryOf, read, without, type Filter, type Notifications } from "./list";

/** Null until they are there. */
export const held = signal<Notifications | null>(null);

export const filter = signal<Filter>("all");

const listed = (more: Record<string, string> = {}): Promise<Notifications> => {
  const query = String(new URLSearchParams({ ...queryOf(filter.peek()), ...more }));
  return call<Notifications>(`/notifications${query && `?${query}`}`);
};

let reads = 0;
let events = 0;

/** Read the first page; once more if an event came meanwhile, which the answer may not know of. */
export async function refresh(): Promise<void> {
  const [mine, before] = [++reads, events];
  const answer = await listed();
  if (mine !== reads) return;
  held.value = answer;
  if (events !== before) await refresh();
}

function change(to: (list: Notifications) => Notifications): void {
  events += 1;
  if (held.value) held.value = to(held.value);
}

export const drop = (id: string): void => change((list) => without(list, id));

export async function more(): Promise<void> {
  const cursor = held.value?.next;
  if (!cursor) return;
  const next = await listed({ cursor });
  if (held.value?.next === cursor) held.value = continued(held.value, next);
}

/** Show others; what is there stays until they have come. */
export async function choose(wanted: Filter): Promise<void> {
  filter.value = wanted;
  await refresh();
}

const mark = (body: Body<"readNotifications">): Promise<void> => call("/notifications/read", { method: "POST", body });

export const markRead = (id: string): Promise<void> => mark({ ids: [id] });

export async function markAll(): Promise<void> {
  const newest = held.value?.items[0];
  if (newest) await mark({ until: newest.id });
}

let started = false;

/** Once, by whatever shows notifications first. */
export function start(): void {
  if (started) return;
  started = true;
  const again = (): void => void (me.peek() && refresh().catch(() => undefined));
  hear("notification", (sent) => change((list) => arrived(list, sent, filter.peek())));
  hear("notification:read", (news) => change((list) => read(list, news, new Date().toISOString())));
  onConnect(again);
  let known: string | null = null;
  effect(() => {
    const id = me.value?.id ?? null;
    if (id === known) return;
    known = id;
    reads += 1;
    held.value = null;
    again();
  });
}
