import { call } from "../../api/session";
import type { Answer } from "../../api/types";

export type Found = Answer<"search">["items"][number];
export type FoundPage = Answer<"search">;

/** The kinds of a search, as tabs; the first one is the best of each. */
export const TABS = ["all", "people", "posts", "streams", "videos", "communities"] as const;
export type Tab = (typeof TABS)[number];

export function search(words: string, tab: Tab, cursor = "", signal?: AbortSignal): Promise<FoundPage> {
  const asked = new URLSearchParams({ q: words, ...(tab === "all" ? {} : { kind: tab }), ...(cursor ? { cursor } : {}) });
  return call(`/search?${asked}`, signal ? { signal } : {});
}
