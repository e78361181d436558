/** The player: one video element, its state on top of it, and our own controls. */
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useSignal, useSignalEffect } from "@preact/signals";
import { media, withQuery } from "../../api/http";
import { FloatingReactions } from "../chat/reactions";
import { Avatar } from "../../ui/parts";
import { VolumeIcon } from "../../ui/icons";
import { recall, remember } from "../../ui/remember";
import { Controls } from "./controls";
import { togglePlay, useShortcuts } from "./keys";
import { isOver, Playback, type Watchable } from "./playback";
import { Overlay } from "./overlay";
import type { Chapter } from "./chapter";
import "./player.css";
import { t } from "./words";

const NO_CHAPTERS: readonly Chapter[] = [];
const HIDE_AFTER_MS = 2600;

export interface PlayerProps {
  stream: Watchable;
  /** The recording was asked for (or the stream was over when the page was opened). */
  replaying: boolean;
  chapters?: readonly Chapter[];
  onWatchRecording: () => void;
  /** What stands over the picture. */
  over?: (playback: Playback, video: { current: HTMLVideoElement | null }) => ComponentChildren;
  /** Hands out the engine for heartbeats and the chat's step; null when the player goes. */
  onReady: (playback: Playback | null, video: HTMLVideoElement | null) => void;
}

const loudness = (): number => {
  const kept = Number(recall("sf.volume") ?? "1");
  return kept >= 0 && kept <= 1 ? kept : 1;
};

export function Player({ stream, replaying, chapters = NO_CHAPTERS, onWatchRecording, onReady, over }: PlayerProps) {
  const frame = useRef<HTMLDivElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const [playback, setPlayback] = useState<Playback | null>(null);
  const active = useSignal(true);
  const hider = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);

  useEffect(() => {
    const element = video.current;
    if (!element) return;
    element.volume = loudness();
    element.muted = recall("sf.muted") === "1";
    const made = new Playback(element);
    setPlayback(made);
    onReady(made, element);
    const keep = (): void => {
      if (made.sound.silenced.peek() || element.dataset["quiet"]) return;
      remember("sf.volume", String(element.volume));
      remember("sf.muted", element.muted ? "1" : null);
    };
    element.addEventListener("volumechange", keep);
    return () => {
      element.removeEventListener("volumechange", keep);
      onReady(null, null);
      made.close();
    };
  }, []);

  useEffect(() => {
    if (!playback) return;
    if (stream.state === "live" && isOver(stream)) playback.hold();
    else if (stream.state === "live") playback.live(stream);
    else if (stream.state === "ended" && replaying) playback.recording(stream);
    else if (stream.state === "interrupted") playback.hold();
    else if (stream.state === "ended") playback.finish();
    else playback.stop();
  }, [playback, stream.id, stream.state, replaying, stream.playback.hls, stream.playback.whep, stream.playback.mp4]);

  const wake = (): void => {
    active.value = true;
    clearTimeout(hider.current);
    hider.current = setTimeout(() => {
      if (!video.current?.paused && !frame.current?.querySelector(".controls:focus-within, .controls :popover-open")) active.value = false;
    }, HIDE_AFTER_MS);
  };
  useEffect(() => {
    wake();
    return () => clearTimeout(hider.current);
  }, []);

  useShortcuts({ frame, video, playback, stream, wake });

  return (
    <div
      class={`player${active.value ? " player-active" : ""}`}
      ref={frame}
      onPointerMove={wake}
      onPointerDown={wake}
      onFocusCapture={wake}
      onPointerLeave={() => {
        if (!video.current?.paused) active.value = false;
      }}
    >
      <video
        ref={video}
        playsInline
        poster={posterOf(stream)}
        aria-label={stream.title}
        onClick={() => toggleByPicture(video.current, playback)}
      />
      <FloatingReactions streamId={stream.id} behindMs={() => playback?.latencyMs.peek() ?? 0} />
      {playback && <AudioOnly video={video} playback={playback} stream={stream} />}
      {playback && (
        <Overlay stream={stream} playback={playback} replaying={replaying} onWatchRecording={onWatchRecording} />
      )}
      {playback && <Unmute playback={playback} />}
      {playback && over?.(playback, video)}
      {playback && (stream.state === "live" || replaying) && (
        <Controls stream={stream} playback={playback} video={video} frame={frame} replaying={replaying} chapters={chapters} />
      )}
    </div>
  );
}

/** A tap on a phone shows the controls; a click with a mouse pauses. */
function toggleByPicture(video: HTMLVideoElement | null, playback: Playback | null): void {
  if (playback && !matchMedia("(pointer: coarse)").matches) togglePlay(video, playback);
}

interface WithVideo {
  playback: Playback;
  video: { current: HTMLVideoElement | null };
}

function Unmute({ playback }: { playback: Playback }) {
  if (!playback.sound.silenced.value) return null;
  return (
    <button type="button" class="unmute" onClick={() => void playback.sound.resume()}>
      <VolumeIcon /> {t("tapForSound")}
    </button>
  );
}

function AudioOnly({ playback, video, stream }: WithVideo & { stream: Watchable }) {
  const [silent, setSilent] = useState(false);
  const check = useMemo(() => () => setSilent(Boolean(video.current && video.current.readyState >= 2 && !video.current.videoWidth)), []);
  useSignalEffect(() => {
    if (playback.status.value === "playing") check();
    else setSilent(false);
  });
  useEffect(() => {
    const element = video.current;
    element?.addEventListener("resize", check);
    return () => element?.removeEventListener("resize", check);
  }, []);
  if (!silent) return null;
  return (
    <div class="audio-only">
      <Avatar of={stream.owner} size={96} />
      <span>{t("audioOnly")}</span>
    </div>
  );
}

/** A broadcast that has just begun has no picture yet. */
function posterOf({ playback: { thumbnail, hls } }: Watchable): string | undefined {
  if (!thumbnail) return undefined;
  return hls ? withQuery(media(thumbnail), "optional=1") : media(thumbnail);
}
