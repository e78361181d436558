/** What the server measures of the incoming broadcast. */
import { useEffect, useState } from "preact/hooks";
import { streamHealth } from "./calls";
import type { Health } from "../../api/types";
import { isTranslated } from "../../i18n/catalogue";
import { bitrate, count, decimal, milliseconds } from "../../ui/format";
import { AlertIcon } from "../../ui/icons";
import { useInterval } from "../../ui/parts";
import { t } from "./words";

const POLL_MS = 2000;
/** Five minutes, as many as the server keeps. */
const KEPT = 150;
/** What is quieter is drawn on the ground of the plot, in dB below full scale. */
const QUIET_DB = -60;

type Sample = Pick<Health["history"][number], "bitrate" | "fps" | "loudness">;

interface Seen {
  health: Health | null;
  samples: Sample[];
}

function useHealth(streamId: string, active: boolean): Seen {
  const [seen, setSeen] = useState<Seen>({ health: null, samples: [] });
  const poll = async (): Promise<void> => {
    const health = await streamHealth(streamId, seen.health === null).catch(() => null);
    if (!health) return;
    setSeen(({ samples }) => ({ health, samples: [...(samples.length ? samples : health.history), health].slice(-KEPT) }));
  };
  useEffect(() => void poll(), [streamId]);
  useInterval(() => void poll(), POLL_MS, active);
  return seen;
}

interface PlotProps {
  label: string;
  values: number[];
  floor: number;
  ceiling?: number;
  shown: (value: number) => string;
}

/** A line of the last minutes; its figures are text beside it, so that nobody has to see the line. */
function Plot({ label, values, floor, ceiling, shown }: PlotProps) {
  const [least, most, last] = [Math.min(...values), Math.max(...values), values.at(-1) ?? floor];
  const top = ceiling ?? Math.max(most, floor + 1) * 1.15;
  const x = (index: number): string => ((index / (KEPT - 1)) * 300).toFixed(1);
  const y = (value: number): string => (58 - (Math.min(Math.max(value - floor, 0), top - floor) / (top - floor)) * 56).toFixed(1);
  const points = values.map((value, index) => `${x(index)},${y(value)}`).join(" ");
  return (
    <figure class="plot">
      <figcaption>
        {label} <strong>{values.length ? shown(last) : dash}</strong>
        {values.length > 1 && <span class="dim">{t("plotRange", { least: shown(least), most: shown(most) })}</span>}
      </figcaption>
      <svg viewBox="0 0 300 62" preserveAspectRatio="none" aria-hidden="true">
        {values.length > 1 && (
          <>
            <polygon points={`0,62 ${points} ${x(values.length - 1)},62`} />
            <polyline points={points} />
          </>
        )}
      </svg>
    </figure>
  );
}

const isNumber = (value: number | null): value is number => value !== null;

function Plots({ samples }: { samples: Sample[] }) {
  const frames = (n: number): string => t("fps", { n: decimal(n, 0) });
  const level = (n: number): string => t("decibels", { n: decimal(n, 0) });
  return (
    <div class="plots" role="group" aria-label={t("lastMinutes")}>
      <Plot label={t("bitrate")} values={samples.map((each) => each.bitrate).filter(isNumber)} floor={0} shown={bitrate} />
      <Plot label={t("frames")} values={samples.map((each) => each.fps).filter(isNumber)} floor={0} shown={frames} />
      <Plot label={t("loudnessPlot")} values={samples.map((each) => each.loudness).filter(isNumber)} floor={QUIET_DB} ceiling={0} shown={level} />
    </div>
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
    [t("picture"), health.width && health.height ? `${health.width} × ${health.height}` : dash],
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
  on_backup: "onBackup",
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
  open_gop: "openGop",
  out_of_step: "outOfStep",
  timestamps_jump: "stampsJump",
  timestamps_drift: "stampsDrift",
  sound_silent: "soundSilent",
  sound_clipping: "soundClipping",
} as const;

const SEVERITIES = { error: "isError", warning: "isWarning", info: "isNote" } as const;

type Fault = Health["faults"][number];

/** The server's own sentence says more, and is English. */
function sentence({ name, text, advice }: Fault): string {
  return isTranslated() && name in WARNINGS ? t(WARNINGS[name as keyof typeof WARNINGS]) : `${text} ${advice}`.trim();
}

function Faults({ faults }: { faults: Fault[] }) {
  return (
    <ul class="faults" role="status">
      {faults.map((fault) => (
        <li key={fault.name} class={`fault fault-${fault.severity}`}>
          <AlertIcon />
          <span>
            <strong>{t(SEVERITIES[fault.severity])}</strong> {sentence(fault)}
          </span>
        </li>
      ))}
    </ul>
  );
}

export function HealthPanel({ streamId, active }: { streamId: string; active: boolean }) {
  const { health, samples } = useHealth(streamId, active);
  return (
    <section class="panel health" aria-labelledby="health-title">
      <h2 id="health-title">{t("signal")}</h2>
      <Plots samples={samples} />
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
      <Faults faults={health?.faults ?? []} />
    </section>
  );
}
