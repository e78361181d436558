/** What lies over the picture while there is none: countdown, loading, interruption, the end. */
import { useEffect, useState } from "preact/hooks";
import { duration, when } from "../../ui/format";
import { Spinner, useInterval } from "../../ui/parts";
import type { Playback, Watchable } from "./playback";
import { t } from "./words";

const RECORDING_IN_S = 8;

export interface OverlayProps {
  stream: Watchable;
  playback: Playback;
  replaying: boolean;
  onWatchRecording: () => void;
}

export function Overlay({ stream, playback, replaying, onWatchRecording }: OverlayProps) {
  if (stream.state === "scheduled") return <Scheduled at={stream.scheduled_at} />;
  const showsTheRest = playback.mode.value === "hls" && playback.isMoving.value;
  if (stream.state === "interrupted") {
    return showsTheRest ? null : (
      <div class="overlay overlay-glass" role="status">
        <Spinner />
        <h2>{t("backSoon")}</h2>
        <p>{t("backSoonText")}</p>
      </div>
    );
  }
  const isShowingTheRest = stream.state === "ended" && !replaying && playback.status.value === "playing";
  if (isShowingTheRest) return null;
  if (stream.state === "ended" && !stream.playback.hls && !stream.playback.mp4) {
    return (
      <div class="overlay" role="status">
        <h2>{t("ended")}</h2>
        <p>{t("noRecording")}</p>
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
        <h2>{t("cannotPlay")}</h2>
        <p>{playback.why.value}</p>
      </div>
    );
  }
  if (status === "failed") {
    return (
      <div class="overlay" role="status">
        <Spinner />
        <h2>{t("noPicture")}</h2>
        <p>{t("noPictureText")}</p>
      </div>
    );
  }
  return status === "loading" ? (
    <div class="overlay overlay-clear">
      <Spinner label={t("loading")} />
    </div>
  ) : null;
}

function Scheduled({ at }: { at: string | null }) {
  const [now, setNow] = useState(Date.now());
  useInterval(() => setNow(Date.now()), 1000);
  const left = at ? (Date.parse(at) - now) / 1000 : 0;
  return (
    <div class="overlay">
      <p class="overlay-kicker">{at ? when(at) : t("gettingReady")}</p>
      <h2 class="countdown">{left > 0 ? <time dateTime={at ?? ""}>{countdown(left)}</time> : t("startingSoon")}</h2>
      <p>{t("beginsByItself")}</p>
    </div>
  );
}

function countdown(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  return days ? t("days", { n: days, rest: duration(seconds % 86_400) }) : duration(seconds);
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
      <h2>{t("over")}</h2>
      <p>{stays ? t("recordingReady") : t("recordingIn", { n: Math.max(0, left) })}</p>
      <div class="row">
        <button type="button" class="button accent" onClick={onWatch}>
          {t("watchRecording")}
        </button>
        {!stays && (
          <button type="button" class="button" onClick={() => setStays(true)}>
            {t("stayInChat")}
          </button>
        )}
      </div>
    </div>
  );
}
