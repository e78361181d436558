/** The player's keyboard, which works on the whole page unless something is being typed. */
import { useEffect } from "preact/hooks";
import type { Playback, Watchable } from "./playback";
import { t } from "./words";

interface Parts {
  frame: { current: HTMLElement | null };
  video: { current: HTMLVideoElement | null };
  playback: Playback | null;
  stream: Watchable;
  wake: () => void;
}

/** So near to the live edge there is nothing to rewind to. */
const EDGE_S = 4;

/** Keys and what they do, for people. */
export const shortcuts = (): [string, string][] => [
  [t("keySpace"), t("keyPlay")],
  ["M", t("mute")],
  ["F", t("fullscreen")],
  ["P", t("pip")],
  ["← →", t("keySeek")],
  [t("keyHomeEnd"), t("keyEnds")],
  ["↑ ↓", t("volume")],
  ["L", t("keyLive")],
  ["C", t("keyChat")],
];

export function toggleFullscreen(frame: HTMLElement | null, video: HTMLVideoElement | null): void {
  if (document.fullscreenElement) return void document.exitFullscreen().catch(() => undefined);
  if (frame?.requestFullscreen) return void frame.requestFullscreen().catch(() => undefined);
  // iPhones give the full screen to the video element alone.
  (video as (HTMLVideoElement & { webkitEnterFullscreen?: () => void }) | null)?.webkitEnterFullscreen?.();
}

export function togglePictureInPicture(video: HTMLVideoElement | null): void {
  if (document.pictureInPictureElement) void document.exitPictureInPicture().catch(() => undefined);
  else void video?.requestPictureInPicture?.().catch(() => undefined);
}

export function togglePlay(video: HTMLVideoElement | null, playback: Playback): void {
  if (!video) return;
  if (video.paused) void playback.sound.resume();
  else video.pause();
}

export function toggleMuted(video: HTMLVideoElement | null): void {
  if (!video) return;
  video.muted = !video.muted;
  if (!video.muted && video.volume === 0) video.volume = 0.5;
}

/** How far a live stream has come, in seconds from its beginning. */
export function liveLength(stream: Watchable): number {
  return stream.started_at ? Math.max(0, (Date.now() - Date.parse(stream.started_at)) / 1000) : 0;
}

/** Five seconds back from the live edge means the recording so far, from there on. */
export function seekBy(seconds: number, { video, playback, stream }: Pick<Parts, "video" | "playback" | "stream">): void {
  const element = video.current;
  const mode = playback?.mode.peek();
  if (!element || !playback) return;
  if (mode === "recording" || mode === "dvr") element.currentTime = Math.max(0, element.currentTime + seconds);
  else if (seconds < 0 && stream.playback.hls) playback.rewind(liveLength(stream) + seconds - 5);
}

/** To a moment, in seconds from the beginning; beyond the end is the live edge, or the last moment. */
export function seekTo(seconds: number, { video, playback, stream }: Pick<Parts, "video" | "playback" | "stream">): void {
  const element = video.current;
  const mode = playback?.mode.peek();
  if (!element || !playback) return;
  const isLive = stream.state === "live";
  const length = isLive ? Math.max(liveLength(stream), Number.isFinite(element.duration) ? element.duration : 0) : element.duration;
  if (isLive && seconds > length - EDGE_S) {
    if (mode === "dvr") playback.live(stream);
  } else if (mode === "recording" || mode === "dvr") {
    element.currentTime = Math.min(seconds, Math.max(0, length - 0.1));
  } else if (stream.playback.hls) playback.rewind(seconds);
}

const typing = (target: EventTarget | null): boolean =>
  target instanceof Element && Boolean(target.closest("input, textarea, select, [contenteditable]"));

/** Keys that the focused control or list uses itself. */
function usedByTarget(event: KeyboardEvent): boolean {
  const target = event.target instanceof Element ? event.target : null;
  if (event.key === " ") return Boolean(target?.closest("button, a, summary"));
  return /^(Arrow|Home|End)/.test(event.key) && Boolean(target?.closest("[role=slider], [role=log], [role=radiogroup], input"));
}

export function useShortcuts(parts: Parts): void {
  const { frame, video, playback, stream, wake } = parts;
  useEffect(() => {
    if (!playback) return;
    const adjustVolume = (by: number): void => {
      if (!video.current) return;
      video.current.volume = Math.min(1, Math.max(0, video.current.volume + by));
    };
    const actions: Record<string, () => void> = {
      " ": () => togglePlay(video.current, playback),
      k: () => togglePlay(video.current, playback),
      m: () => toggleMuted(video.current),
      f: () => toggleFullscreen(frame.current, video.current),
      p: () => togglePictureInPicture(video.current),
      l: () => stream.state === "live" && playback.live(stream),
      c: () => document.getElementById("chat-text")?.focus(),
      ArrowLeft: () => seekBy(-5, parts),
      ArrowRight: () => seekBy(5, parts),
      Home: () => seekTo(0, parts),
      End: () => seekTo(Infinity, parts),
      ArrowUp: () => adjustVolume(0.05),
      ArrowDown: () => adjustVolume(-0.05),
    };
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (typing(event.target) || usedByTarget(event)) return;
      const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!action) return;
      event.preventDefault();
      wake();
      action();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [playback, stream]);
}
