import { upload } from "../../api/upload";
import { call } from "../../api/session";
import type { Answer } from "../../api/types";

export type Emote = Answer<"listMyEmotes">["items"][number];

export const myEmotes = (): Promise<Answer<"listMyEmotes">> => call("/me/emotes");
export const addEmote = (name: string, file: Blob): Promise<Answer<"addEmote">> =>
  upload<Answer<"addEmote">>(`/me/emotes?name=${encodeURIComponent(name)}`, file, { onProgress: () => undefined, signal: new AbortController().signal });
export const removeEmote = (id: string): Promise<void> => call(`/me/emotes/${id}`, { method: "DELETE" });
