/** A video as the player takes it, and how far it is, without a browser. */
import type { Chapter } from "../player/chapter";
import type { Watchable } from "../player/playback";
import type { Video } from "./calls";

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

/** Of one bar for both: how much of it is the sending, the rest is the encoding. */
const SENDING = 0.5;

export const whole = (sent: number, encoded: number): number => SENDING * sent + (1 - SENDING) * encoded;
