import { call } from "../../api/session";
import type { Answer } from "../../api/types";

export type FeedPage = Answer<"getFeed">;
export type Item = FeedPage["items"][number];
export type PostItem = Extract<Item, { post: unknown }>;
export type Post = PostItem["post"];
export type HashtagPage = Answer<"getHashtag">;
export type Trend = Answer<"listTrends">["items"][number];

export type Kind = "home" | "live" | "explore";
export type Order = "latest" | "ranked";

export const ORDERS: readonly Order[] = ["latest", "ranked"];

export function readFeed(kind: Kind, order: Order, cursor: string): Promise<FeedPage> {
  return call(`/feed?${new URLSearchParams({ kind, order, ...(cursor && { cursor }) })}`);
}

const tagged = (tag: string): string => `/hashtags/${encodeURIComponent(tag)}`;

export const readHashtag = (tag: string, cursor: string): Promise<HashtagPage> =>
  call(`${tagged(tag)}${cursor && `?${new URLSearchParams({ cursor })}`}`);

export const followHashtag = (tag: string, isFollowing: boolean): Promise<void> =>
  call(`${tagged(tag)}/follow`, { method: isFollowing ? "PUT" : "DELETE" });

export const listTrends = (): Promise<Answer<"listTrends">> => call("/hashtags/trending?limit=10");
