/** What the server measures of the incoming broadcast. */
import { useState } from "preact/hooks";
import { streamHealth } from "./calls";
import type { Health } from "../../api/types";
import { isTranslated } from "../../i18n/catalogue";
import { bitrate, count, decimal, milliseconds } from "../../ui/format";
import { AlertIcon } from "../../ui/icons";
import { useInterval } from "../../ui/parts";
import { t } from "./words";

const POLL_MS = 2000;
const KEPT = 60;

interface Seen {
  health: Health | null;
  bitrates: number[];
}

function useHealth(streamId: string, active: boolean): Seen {
  const [seen, setSeen] = useState<Seen>({ health: null, bitrates: [] });
  const poll = async (): Promise<void> => {
    const health = await streamHealth(streamId).catch(() => null);
    if (!health) return;
    setSeen(({ bitrates }) => ({ health, bitrates: [...bitrates, health.bitrate ?? 0].slice(-KEPT) }));
  };
  useInterval(() => void poll(), POLL_MS, active);
  return seen;
}

function Sparkline({ values }: { values: number[] }) {
  const top = Math.max(...values, 1) * 1.15;
  const points = values.map((value, index) => `${((index / (KEPT - 1)) * 300).toFixed(1)},${(60 - (value / top) * 56).toFixed(1)}`);
  const last = ((Math.max(0, values.length - 1) / (KEPT - 1)) * 300).toFixed(1);
  return (
    <svg class="sparkline" viewBox="0 0 300 62" preserveAspectRatio="none" role="img" aria-label={t("bitrateOf")}>
      {points.length > 1 && (
        <>
          <polygon points={`0,62 ${points.join(" ")} ${last},62`} />
          <polyline points={points.join(" ")} />
        </>
      )}
    </svg>
  );
}

const dash = "–";

function audioOf({ audio }: Health): string {
  const { codec, sample_rate: rate } = audio ?? {};
  if (typeof codec !== "string") return t("none");
  return typeof rate === "number" && rate ? t("sampled", { codec, n: decimal(rate / 1000, rate % 1000 ? 1 : 0) }) : codec;
}

function rows(health: Health): [string, string][] {
  return [
    [t("bitrate"), health.bitrate ? bitrate(health.bitrate) : dash],
    [t("picture"), health.width && health.height ? `${health.width} × ${health.height}` : dash],
    [t("frames"), health.fps ? t("fps", { n: decimal(health.fps, health.fps % 1 > 0.05 ? 1 : 0) }) : dash],
    [t("keyFrames"), health.keyframe_interval ? t("every", { n: decimal(health.keyframe_interval, 1) }) : dash],
    [t("video"), health.codec ?? t("none")],
    [t("audio"), audioOf(health)],
    [t("lostFrames"), count(health.dropped_frames)],
    [t("jitter"), milliseconds(health.jitter_ms)],
  ];
}

const WARNINGS = {
  no_picture: "noPicture",
  no_sound: "noSound",
  picture_without_header: "noHeader",
  sound_without_header: "noHeader",
  sound_malformed: "soundMalformed",
  no_key_frame: "noKeyFrame",
  long_key_frame_interval: "longKeyFrames",
  low_frame_rate: "lowFrameRate",
  unsteady_network: "unsteady",
  b_frames: "bFrames",
  hevc: "notEverywhere",
  av1: "notEverywhere",
  vp9: "notEverywhere",
  vp8: "reencoded",
  picture_left_out: "leftOut",
  sound_left_out: "leftOut",
} as const;

/** The server's own sentence says more, and is English. */
function warningOf(own: string, name: string): string {
  return isTranslated() && name in WARNINGS ? t(WARNINGS[name as keyof typeof WARNINGS]) : own;
}

export function HealthPanel({ streamId, active }: { streamId: string; active: boolean }) {
  const { health, bitrates } = useHealth(streamId, active);
  const warnings = (health?.warnings ?? []).map((own, index) => warningOf(own, health?.warning_names[index] ?? ""));
  return (
    <section class="panel health" aria-labelledby="health-title">
      <h2 id="health-title">{t("signal")}</h2>
      <Sparkline values={bitrates} />
      {health ? (
        <dl class="health-rows">
          {rows(health).map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      ) : (
        <p class="dim">{t("measuring")}</p>
      )}
      <div role="status">
        {warnings.filter(Boolean).map((warning) => (
          <p key={warning} class="warning">
            <AlertIcon /> {warning}
          </p>
        ))}
      </div>
    </section>
  );
}
