/** A video, of an upload or of a broadcast, as the player takes it; without a browser. */
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
  playback: { ...video.playback, whep: null, mp4: null },
});

export const chaptersOf = (video: Video): Chapter[] => video.chapters.map(({ at_ms, label }) => ({ at: at_ms / 1000, label }));
