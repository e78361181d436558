import { call } from "../../api/session";
import type { Page, Stream } from "../../api/types";

/** Streams in every state whose title, category or tags have the words. */
export const searchStreams = (query: string, signal: AbortSignal): Promise<Page<Stream>> =>
  call(`/streams?${new URLSearchParams({ q: query, limit: "48" })}`, { signal });
