import { randomId } from "../../api/locks";
import { call } from "../../api/session";
import type { Answer, Body, Ingest, NewStream, Page, Stream, StreamChange, StreamState } from "../../api/types";

const part = encodeURIComponent;

export const listStreams = (state: StreamState, limit = 24, signal?: AbortSignal): Promise<Page<Stream>> =>
  call(`/streams?state=${state}&limit=${limit}`, signal ? { signal } : {});

export const listMore = (state: StreamState, cursor: string): Promise<Page<Stream>> =>
  call(`/streams?state=${state}&limit=24&cursor=${part(cursor)}`);

/** One person's streams in every state, the newest first. */
export const streamsOf = (username: string, limit = 50): Promise<Page<Stream>> =>
  call(`/streams?owner=${part(username)}&limit=${limit}`);

export const getStream = (id: string): Promise<Stream> => call(`/streams/${part(id)}`);

type Access = Answer<"giveStreamPasswordAsGuest">;

const accesses = new Map<string, Access>();

/** What a guest without an account was given for the password of a stream, for as long as the page stays open. */
export const accessTo = (id: string): Access | undefined => accesses.get(id);

export const forgetAccess = (id: string): boolean => accesses.delete(id);

export async function givePasswordAsGuest(id: string, password: string): Promise<void> {
  accesses.set(id, await call<Access>(`/streams/${part(id)}/access`, { method: "POST", body: { password } }));
}

export const restrict = (id: string, body: Body<"restrictStream">): Promise<Answer<"restrictStream">> =>
  call(`/streams/${part(id)}/restrictions`, { method: "PUT", body });

export const givePassword = (id: string, password: string): Promise<void> =>
  call(`/streams/${part(id)}/grant`, { method: "PUT", body: { password } });

export const createStream = (body: NewStream): Promise<{ stream: Stream; ingest: Ingest }> =>
  call("/streams", { method: "POST", body, headers: { "Idempotency-Key": randomId() } });

export const editStream = (id: string, body: StreamChange): Promise<Stream> =>
  call(`/streams/${part(id)}`, { method: "PATCH", body });

export const endStream = (id: string): Promise<unknown> => call(`/streams/${part(id)}/end`, { method: "POST" });

export const deleteStream = (id: string): Promise<void> => call(`/streams/${part(id)}`, { method: "DELETE" });
