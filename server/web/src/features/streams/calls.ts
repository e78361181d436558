import { randomId } from "../../api/locks";
import { call } from "../../api/session";
import type { Ingest, NewStream, Page, Stream, StreamChange, StreamState } from "../../api/types";

const part = encodeURIComponent;

export const listStreams = (state: StreamState, limit = 24, signal?: AbortSignal): Promise<Page<Stream>> =>
  call(`/streams?state=${state}&limit=${limit}`, signal ? { signal } : {});

export const listMore = (state: StreamState, cursor: string): Promise<Page<Stream>> =>
  call(`/streams?state=${state}&limit=24&cursor=${part(cursor)}`);

/** One person's streams in every state, the newest first. */
export const streamsOf = (username: string, limit = 50): Promise<Page<Stream>> =>
  call(`/streams?owner=${part(username)}&limit=${limit}`);

export const getStream = (id: string): Promise<Stream> => call(`/streams/${part(id)}`);

export const givePassword = (id: string, password: string): Promise<void> =>
  call(`/streams/${part(id)}/grant`, { method: "PUT", body: { password } });

export const createStream = (body: NewStream): Promise<{ stream: Stream; ingest: Ingest }> =>
  call("/streams", { method: "POST", body, headers: { "Idempotency-Key": randomId() } });

export const editStream = (id: string, body: StreamChange): Promise<Stream> =>
  call(`/streams/${part(id)}`, { method: "PATCH", body });

export const endStream = (id: string): Promise<unknown> => call(`/streams/${part(id)}/end`, { method: "POST" });

export const deleteStream = (id: string): Promise<void> => call(`/streams/${part(id)}`, { method: "DELETE" });
