/** A clip as the player and the chat beside it take it, without a browser. */
import type { ChatEntry } from "../../api/types";
import type { ReplaySource } from "../chat/replayed";
import type { Watchable } from "../player/playback";
import type { Clip } from "./calls";

export const watchable = (clip: Clip): Watchable => ({
  id: clip.id,
  title: clip.title,
  owner: clip.owner,
  state: "ended",
  started_at: null,
  scheduled_at: null,
  isFile: true,
  playback: { hls: null, whep: null, thumbnail: clip.thumbnail, mp4: clip.playback.mp4 },
});

/** What was written in the clip, in order; there is nothing more to fetch. */
export const chatOf = (clip: Clip): ReplaySource => {
  const messages = (clip.chat.messages ?? []) as ChatEntry[];
  const timeOf = (entry: ChatEntry): number => (entry.deleted ? 0 : (entry.media_time_ms ?? 0));
  return {
    key: clip.id,
    from: (ms) => Promise.resolve(messages.filter((entry) => timeOf(entry) >= ms)),
    after: () => Promise.resolve([]),
  };
};
