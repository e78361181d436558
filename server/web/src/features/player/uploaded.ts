/** A video, of an upload or of a broadcast, as the player takes it; without a browser. */
import { withQuery } from "../../api/http";
import type { Answer } from "../../api/types";
import type { Chapter } from "./chapter";
import type { Watchable } from "./playback";

type Video = Answer<"getVideo">;

export const watchable = (video: Video): Watchable => ({
  id: video.id,
  title: video.title,
  owner: video.owner,
  state: "ended",
  started_at: null,
  scheduled_at: null,
  isFile: video.stream_id === null,
  playback: { ...video.playback, hls: video.playback.hls && countedByBeats(video.playback.hls), whep: null, mp4: null },
});

/** The page's heartbeats count this viewer: the server need not count the player as well. */
const countedByBeats = (url: string): string => withQuery(url, "view=socket");

export const chaptersOf = (video: Video): Chapter[] => video.chapters.map(({ at_ms, label }) => ({ at: at_ms / 1000, label }));
