/** The REST calls of the pages, by name. */
import { randomId } from "./locks";
import { call } from "./session";
import type { ChatEntry, Cluster, Health, Ingest, NewStream, Page, Stream, StreamState, Trace, User } from "./types";

const part = encodeURIComponent;

export const listStreams = (state: StreamState, limit = 24, signal?: AbortSignal): Promise<Page<Stream>> =>
  call(`/streams?state=${state}&limit=${limit}`, signal ? { signal } : {});

export const listMore = (state: StreamState, cursor: string): Promise<Page<Stream>> =>
  call(`/streams?state=${state}&limit=24&cursor=${part(cursor)}`);

/** One person's streams in every state, the newest first. */
export const streamsOf = (username: string, limit = 50): Promise<Page<Stream>> =>
  call(`/streams?owner=${part(username)}&limit=${limit}`);

export const getStream = (id: string): Promise<Stream> => call(`/streams/${part(id)}`);

export const createStream = (body: NewStream): Promise<{ stream: Stream; ingest: Ingest }> =>
  call("/streams", { method: "POST", body, headers: { "Idempotency-Key": randomId() } });

export const editStream = (id: string, body: Partial<NewStream>): Promise<Stream> =>
  call(`/streams/${part(id)}`, { method: "PATCH", body });

export const endStream = (id: string): Promise<unknown> => call(`/streams/${part(id)}/end`, { method: "POST" });

export const deleteStream = (id: string): Promise<void> => call(`/streams/${part(id)}`, { method: "DELETE" });

export const streamHealth = (id: string): Promise<Health> => call(`/streams/${part(id)}/health`, { timeoutMs: 5000 });

export const myIngest = (): Promise<Ingest> => call("/me/ingest");

export const rotateIngest = (): Promise<Ingest> => call("/me/ingest/rotate", { method: "POST" });

export const getUser = (username: string): Promise<User> => call(`/users/${part(username)}`);

export const setFollow = (username: string, following: boolean): Promise<void> =>
  call(`/users/${part(username)}/follow`, { method: following ? "PUT" : "DELETE" });

export const editMe = (body: { display_name: string; bio: string }): Promise<User> =>
  call("/me", { method: "PATCH", body });

interface ReplayPage {
  items?: ChatEntry[];
  messages?: ChatEntry[];
}

/** Messages of a recording from a moment (seconds) or after an offset on, ascending. */
export async function replayChat(
  id: string,
  from: { mediaTimeS: number } | { sinceOffset: number },
): Promise<ChatEntry[]> {
  const where = "mediaTimeS" in from ? `media_time=${from.mediaTimeS.toFixed(3)}` : `since_offset=${from.sinceOffset}`;
  const page = await call<ReplayPage>(`/streams/${part(id)}/chat?${where}&limit=100`);
  return page.items ?? page.messages ?? [];
}

export type ActorOrder = "unread" | "slowest" | "restarts";

/** For operators. An empty `kind` or `node` is any. */
export function getCluster(asked: { kind: string; node: string; order: ActorOrder }): Promise<Cluster> {
  const chosen = Object.entries(asked).filter(([, value]) => value);
  return call(`/admin/cluster?${new URLSearchParams([...chosen, ["limit", "100"]])}`, { timeoutMs: 5000 });
}

export const getTrace = (id: string): Promise<Trace> => call(`/admin/traces/${part(id)}`, { timeoutMs: 5000 });
