/** The bar under the picture: play, sound, the way through time, how it is played, full screen. */
import { useEffect, useRef, useState } from "preact/hooks";
import { direction } from "../../i18n/language";
import { duration, latency } from "../../ui/format";
import {
  FullscreenIcon,
  GearIcon,
  MutedIcon,
  PauseIcon,
  PipIcon,
  PlayIcon,
  ShrinkIcon,
  VolumeIcon,
} from "../../ui/icons";
import { liveLength, seekTo, shortcuts, toggleFullscreen, toggleMuted, togglePictureInPicture, togglePlay } from "./keys";
import type { Mode, Playback, Watchable, Wish } from "./playback";
import type { Chapter } from "./chapter";
import { qualities, whyThis } from "./quality";
import { Statistics } from "./statistics";
import { Timeline } from "./timeline";
import { t } from "./words";

interface Props {
  stream: Watchable;
  playback: Playback;
  video: { current: HTMLVideoElement | null };
  frame: { current: HTMLDivElement | null };
  replaying: boolean;
  chapters: readonly Chapter[];
}

/** What the bar shows of the element, read on its events. */
interface Shown {
  paused: boolean;
  muted: boolean;
  volume: number;
  time: number;
  length: number;
  rate: number;
}

const EVENTS = ["play", "pause", "volumechange", "timeupdate", "durationchange", "ratechange", "emptied"];

function useVideo(video: Props["video"]): Shown {
  const [shown, setShown] = useState<Shown>({ paused: true, muted: false, volume: 1, time: 0, length: 0, rate: 1 });
  useEffect(() => {
    const element = video.current;
    if (!element) return;
    const read = (): void =>
      setShown({
        paused: element.paused,
        muted: element.muted,
        volume: element.volume,
        time: element.currentTime,
        length: element.duration,
        rate: element.playbackRate,
      });
    read();
    for (const event of EVENTS) element.addEventListener(event, read);
    return () => {
      for (const event of EVENTS) element.removeEventListener(event, read);
    };
  }, []);
  return shown;
}

const MODES: Record<Mode, () => string> = {
  webrtc: () => "WebRTC",
  hls: () => "LL-HLS",
  dvr: () => t("rewound"),
  recording: () => t("recording"),
};

/** A file that nobody broadcast is no recording. */
const hasChip = (stream: Watchable, mode: Mode): boolean => mode !== "recording" || !stream.isFile;

export function Controls({ stream, playback, video, frame, replaying, chapters }: Props) {
  const shown = useVideo(video);
  const mode = playback.mode.value;
  const isLive = stream.state === "live" && !replaying;
  const atEdge = mode === "webrtc" || mode === "hls";
  const length = isLive && atEdge ? liveLength(stream) : Number.isFinite(shown.length) ? shown.length : liveLength(stream);
  const behind = (playback.latencyMs.value ?? 0) / 1000;
  const time = isLive && atEdge ? Math.max(0, length - behind) : shown.time;

  const seek = (to: number): void => seekTo(to, { video, playback, stream });

  return (
    // Time runs to the right in every language, as on other players.
    <div class="controls" dir="ltr">
      {(stream.playback.hls || !isLive) && <Timeline storyboard={stream.playback.storyboard ?? null} chapters={chapters} time={time} length={length} onSeek={seek} live={isLive && atEdge} />}
      <div class="controls-row">
        <button
          type="button"
          class="icon-button"
          aria-label={shown.paused ? t("play") : t("pause")}
          onClick={() => togglePlay(video.current, playback)}
        >
          {shown.paused ? <PlayIcon /> : <PauseIcon />}
        </button>
        <Volume shown={shown} video={video} />
        {isLive ? (
          <button
            type="button"
            class={`edge${atEdge ? " edge-live" : ""}`}
            aria-label={atEdge ? t("atEdge") : t("toEdge")}
            onClick={() => (!atEdge || shown.paused) && playback.live(stream)}
          >
            <span class="edge-dot" /> {t("live")}
          </button>
        ) : (
          <span class="controls-time">
            {duration(time)} <span class="dim">/ {duration(length)}</span>
          </span>
        )}
        {mode === "dvr" && <span class="controls-time">−{duration(Math.max(0, length - time))}</span>}
        <span class="spacer" />
        {mode && hasChip(stream, mode) && (
          <span class="mode-chip" title={(isLive && playback.note.value) || t("how")}>
            {MODES[mode]()}
            {atEdge && playback.latencyMs.value !== null && <b>{latency(playback.latencyMs.value)}</b>}
          </span>
        )}
        <Settings stream={stream} playback={playback} video={video} isLive={isLive} isRewound={mode === "dvr"} rate={shown.rate} />
        {document.pictureInPictureEnabled && (
          <button
            type="button"
            class="icon-button hide-narrow"
            aria-label={t("pip")}
            onClick={() => togglePictureInPicture(video.current)}
          >
            <PipIcon />
          </button>
        )}
        <FullscreenButton frame={frame} video={video} />
      </div>
    </div>
  );
}

function Volume({ shown, video }: Pick<Props, "video"> & { shown: Shown }) {
  const silent = shown.muted || shown.volume === 0;
  const change = (value: number): void => {
    if (!video.current) return;
    video.current.volume = value;
    video.current.muted = value === 0;
  };
  return (
    <span class="sound">
      <button
        type="button"
        class="icon-button"
        aria-label={silent ? t("unmute") : t("mute")}
        onClick={() => toggleMuted(video.current)}
      >
        {silent ? <MutedIcon /> : <VolumeIcon />}
      </button>
      <input
        class="volume"
        type="range"
        min="0"
        max="1"
        step="0.02"
        aria-label={t("volume")}
        value={shown.muted ? 0 : shown.volume}
        onInput={(event) => change(event.currentTarget.valueAsNumber)}
      />
    </span>
  );
}

function FullscreenButton({ frame, video }: Pick<Props, "frame" | "video">) {
  const [full, setFull] = useState(false);
  useEffect(() => {
    const read = (): void => setFull(document.fullscreenElement === frame.current);
    document.addEventListener("fullscreenchange", read);
    return () => document.removeEventListener("fullscreenchange", read);
  }, []);
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={full ? t("leaveFullscreen") : t("fullscreen")}
      onClick={() => toggleFullscreen(frame.current, video.current)}
    >
      {full ? <ShrinkIcon /> : <FullscreenIcon />}
    </button>
  );
}

const wishes = (): [Wish, string, string][] => [
  ["auto", t("automatic"), t("automaticHint")],
  ["webrtc", t("realtime"), t("realtimeHint")],
  ["hls", t("smooth"), t("smoothHint")],
];
const RATES = [0.5, 0.75, 1, 1.25, 1.5, 2];

interface SettingsProps extends Pick<Props, "stream" | "playback" | "video"> {
  isLive: boolean;
  isRewound: boolean;
  rate: number;
}

function Settings({ stream, playback, video, isLive, isRewound, rate }: SettingsProps) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const away = (event: Event): void => {
      if (event.target instanceof Node && !box.current?.contains(event.target)) setOpen(false);
    };
    addEventListener("pointerdown", away);
    addEventListener("focusin", away);
    return () => {
      removeEventListener("pointerdown", away);
      removeEventListener("focusin", away);
    };
  }, [open]);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || !open) return;
    event.stopPropagation();
    setOpen(false);
    box.current?.querySelector("button")?.focus();
  };
  const offered = qualities(stream, playback);
  const { captions } = playback;
  return (
    <div class="settings" ref={box} onKeyDown={onKeyDown}>
      <button type="button" class="icon-button" aria-label={t("settings")} aria-expanded={open} onClick={() => setOpen(!open)}>
        <GearIcon />
      </button>
      {open && (
        // Focusable, so that a press on its text keeps the focus inside.
        <div class="settings-panel" tabIndex={-1} dir={direction.value}>
          {isLive && stream.playback.whep && (
            <Choice
              legend={t("playback")}
              name="wish"
              value={playback.wish.value}
              options={wishes()}
              onChange={(value) => playback.choose(value)}
            />
          )}
          {playback.note.value && isLive && <p class="settings-note">{playback.note.value}</p>}
          {isLive && offered.length > 1 && (
            <Choice
              legend={t("quality")}
              name="quality"
              value={playback.quality.value ?? ""}
              options={[["", t("automatic"), whyThis(stream, playback)], ...offered]}
              onChange={(value) => playback.chooseQuality(value || null)}
            />
          )}
          {captions.offered.value.length > 0 && (
            <Choice
              legend={t("captions")}
              name="captions"
              value={captions.shown.value ?? ""}
              options={[["", t("noCaptions"), ""], ...captions.offered.value.map((label) => [label, label, ""] as [string, string, string])]}
              onChange={(value) => captions.choose(value || null)}
            />
          )}
          {(!isLive || isRewound) && (
            <Choice
              legend={t("speed")}
              name="rate"
              value={String(rate)}
              options={RATES.map((value) => [String(value), value === 1 ? t("normal") : `${value}×`, ""] as [string, string, string])}
              onChange={(value) => {
                if (video.current) video.current.playbackRate = Number(value);
              }}
            />
          )}
          {isLive && <Statistics playback={playback} />}
          <details class="settings-keys">
            <summary>{t("keyboard")}</summary>
            <dl>
              {shortcuts().map(([keys, what]) => (
                <div key={keys}>
                  <dt>{keys}</dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </details>
        </div>
      )}
    </div>
  );
}

interface ChoiceProps<T extends string> {
  legend: string;
  name: string;
  value: T;
  options: [T, string, string][];
  onChange: (value: T) => void;
}

function Choice<T extends string>({ legend, name, value, options, onChange }: ChoiceProps<T>) {
  return (
    <fieldset class="choice">
      <legend>{legend}</legend>
      {options.map(([id, label, hint]) => (
        <label key={id}>
          <input type="radio" name={`player-${name}`} checked={id === value} onChange={() => onChange(id)} />
          <span>
            {label}
            {hint && <small>{hint}</small>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
