/** The conversations of who is signed in: read once, read again when something in them has changed or after a reconnect. */
import { effect, signal } from "@preact/signals";
import { me } from "../../api/session";
import { hear, onConnect } from "../../realtime/socket";
import { type Conversation, type Conversations, listConversations } from "./calls";

/** Null until they are there. */
export const held = signal<Conversations | null>(null);

const PAGE = 30;
const MOST = 100;
const GATHER_MS = 150;

let reads = 0;
let gathering: ReturnType<typeof setTimeout> | undefined;

/** As many as are shown, from the newest on. */
export async function refresh(): Promise<void> {
  const mine = ++reads;
  const answer = await listConversations(Math.min(MOST, Math.max(PAGE, held.peek()?.items.length ?? 0)));
  if (mine === reads) held.value = answer;
}

export async function more(): Promise<void> {
  const before = held.peek();
  if (!before?.next) return;
  const next = await listConversations(PAGE, before.next);
  if (held.peek() === before) held.value = { ...next, items: [...before.items, ...next.items] };
}

/** Soon, once for all that comes until then. */
export function refreshSoon(): void {
  gathering ??= setTimeout(() => {
    gathering = undefined;
    void (me.peek() && refresh().catch(() => undefined));
  }, GATHER_MS);
}

export const known = (id: string): Conversation | undefined => held.value?.items.find((one) => one.id === id);

let started = false;

/** Once, by whatever shows conversations first. */
export function start(): void {
  if (started) return;
  started = true;
  hear("conversation:changed", refreshSoon);
  hear("conversation:read", refreshSoon);
  onConnect(refreshSoon);
  let person: string | null = null;
  effect(() => {
    const id = me.value?.id ?? null;
    if (id === person) return;
    person = id;
    reads += 1;
    held.value = null;
    refreshSoon();
  });
}
