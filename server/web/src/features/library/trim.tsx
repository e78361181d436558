/** The beginning and the end of a video are left out: set where the player stands, or written. */
import { useState } from "preact/hooks";
import { duration } from "../../ui/format";
import { Field } from "../../ui/parts";
import { attempt } from "../../ui/sending";
import { trimVideo, type Video } from "./calls";
import { Strip } from "./strip";
import { t } from "./words";

interface Props {
  video: Video;
  /** Where the player stands; null before it has a picture. */
  positionMs: () => number | null;
  /** Let the player show this time. */
  onSeek: (seconds: number) => void;
  onTrimmed: (video: Video) => void;
}

export function Trim({ video, positionMs, onSeek, onTrimmed }: Props) {
  const [from, setFrom] = useState(0);
  const [to, setTo] = useState(video.duration_ms / 1000);
  const trim = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (!confirm(t("confirmTrim", { length: duration(to - from) }))) return;
    const body = { from_ms: Math.round(from * 1000), to_ms: Math.round(to * 1000) };
    await attempt(async () => onTrimmed((await trimVideo(video.id, body)).video), t("trimming"));
  };
  const here = (set: (seconds: number) => void): void => {
    const ms = positionMs();
    if (ms !== null) set(Math.round(ms) / 1000);
  };
  const moved = (set: (seconds: number) => void) => (seconds: number): void => {
    set(seconds);
    onSeek(seconds);
  };
  const side = (name: "from" | "to", label: string, value: number, set: (seconds: number) => void) => (
    <Field label={label} name={`trim-${name}`}>
      {(ids) => (
        <span class="video-bar">
          <input
            {...ids}
            type="number"
            min={0}
            max={video.duration_ms / 1000}
            step="any"
            required
            value={value}
            onInput={(event) => set(event.currentTarget.valueAsNumber || 0)}
          />
          <button type="button" class="button small" onClick={() => here(set)}>
            {t("here")}
          </button>
        </span>
      )}
    </Field>
  );
  return (
    <form class="panel" aria-labelledby="trim-title" onSubmit={(event) => void trim(event)}>
      <h2 id="trim-title">{t("trim")}</h2>
      <p class="dim">{t(video.stream_id ? "trimRecordingText" : "trimText")}</p>
      <Strip storyboard={video.playback.storyboard} length={video.duration_ms / 1000} from={from} to={to} onFrom={moved(setFrom)} onTo={moved(setTo)} />
      {side("from", t("trimFrom"), from, setFrom)}
      {side("to", t("trimTo"), to, setTo)}
      <button type="submit" class="button" disabled={video.state !== "ready"}>
        {t("trim")}
      </button>
    </form>
  );
}
