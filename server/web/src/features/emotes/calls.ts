import { upload } from "../../api/upload";
import { call } from "../../api/session";
import type { Answer } from "../../api/types";

export type Emote = Answer<"listMyEmotes">["items"][number];

export type Badge = Answer<"listMyBadges">["items"][number];
export type BadgeKind = Badge["kind"];

export const myEmotes = (): Promise<Answer<"listMyEmotes">> => call("/me/emotes");
export const addEmote = (name: string, file: Blob): Promise<Answer<"addEmote">> =>
  upload<Answer<"addEmote">>(`/me/emotes?name=${encodeURIComponent(name)}`, file, sending());
export const removeEmote = (id: string): Promise<void> => call(`/me/emotes/${id}`, { method: "DELETE" });
export const myBadges = (): Promise<Answer<"listMyBadges">> => call("/me/badges");
export const putBadge = (kind: BadgeKind, file: Blob): Promise<Answer<"putBadge">> =>
  upload<Answer<"putBadge">>(`/me/badges/${kind}`, file, { ...sending(), method: "PUT" });
export const removeBadge = (kind: BadgeKind): Promise<void> => call(`/me/badges/${kind}`, { method: "DELETE" });

const sending = () => ({ onProgress: () => undefined, signal: new AbortController().signal });
