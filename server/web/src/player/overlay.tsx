/** What lies over the picture while there is none: countdown, loading, interruption, the end. */
import { useEffect, useState } from "preact/hooks";
import type { Stream } from "../api/types";
import { duration, when } from "../ui/format";
import { Spinner, useInterval } from "../ui/parts";
import type { Playback } from "./playback";

const RECORDING_IN_S = 8;

export interface OverlayProps {
  stream: Stream;
  playback: Playback;
  replaying: boolean;
  onWatchRecording: () => void;
}

export function Overlay({ stream, playback, replaying, onWatchRecording }: OverlayProps) {
  if (stream.state === "scheduled") return <Scheduled at={stream.scheduled_at} />;
  if (stream.state === "interrupted") {
    return (
      <div class="overlay overlay-glass" role="status">
        <Spinner />
        <h2>Back in a moment</h2>
        <p>The broadcast was interrupted. It goes on here as soon as the picture returns.</p>
      </div>
    );
  }
  const isShowingTheRest = stream.state === "ended" && !replaying && playback.status.value === "playing";
  if (isShowingTheRest) return null;
  if (stream.state === "ended" && !stream.playback.hls) {
    return (
      <div class="overlay" role="status">
        <h2>This broadcast has ended</h2>
        <p>No recording was kept.</p>
      </div>
    );
  }
  if (stream.state === "ended" && !replaying) return <Ended onWatch={onWatchRecording} />;
  return <Waiting playback={playback} />;
}

function Waiting({ playback }: { playback: Playback }) {
  const status = playback.status.value;
  if (status === "unplayable") {
    return (
      <div class="overlay" role="status">
        <h2>This browser cannot play the broadcast</h2>
        <p>{playback.why.value}</p>
      </div>
    );
  }
  if (status === "failed") {
    return (
      <div class="overlay" role="status">
        <Spinner />
        <h2>No picture yet</h2>
        <p>It could not be loaded. Trying again…</p>
      </div>
    );
  }
  return status === "loading" ? (
    <div class="overlay overlay-clear">
      <Spinner label="Loading the stream" />
    </div>
  ) : null;
}

function Scheduled({ at }: { at: string | null }) {
  const [now, setNow] = useState(Date.now());
  useInterval(() => setNow(Date.now()), 1000);
  const left = at ? (Date.parse(at) - now) / 1000 : 0;
  return (
    <div class="overlay">
      <p class="overlay-kicker">{at ? when(at) : "Getting ready"}</p>
      <h2 class="countdown">{left > 0 ? <time dateTime={at ?? ""}>{countdown(left)}</time> : "Starting soon"}</h2>
      <p>This page begins to play by itself.</p>
    </div>
  );
}

function countdown(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  return days ? `${days} d ${duration(seconds % 86_400)}` : duration(seconds);
}

function Ended({ onWatch }: { onWatch: () => void }) {
  const [left, setLeft] = useState(RECORDING_IN_S);
  const [stays, setStays] = useState(false);
  useInterval(() => setLeft((before) => before - 1), 1000, !stays);
  useEffect(() => {
    if (left <= 0 && !stays) onWatch();
  }, [left, stays]);
  return (
    <div class="overlay" role="status">
      <h2>That was it, live</h2>
      <p>{stays ? "The recording is ready whenever you are." : `The recording starts in ${Math.max(0, left)} s.`}</p>
      <div class="row">
        <button type="button" class="button accent" onClick={onWatch}>
          Watch the recording
        </button>
        {!stays && (
          <button type="button" class="button" onClick={() => setStays(true)}>
            Stay in the chat
          </button>
        )}
      </div>
    </div>
  );
}
