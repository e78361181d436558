/** What the server measures of the incoming broadcast. */
import { useState } from "preact/hooks";
import { streamHealth } from "../api/calls";
import type { AudioHealth, Health } from "../api/types";
import { bitrate } from "../ui/format";
import { AlertIcon } from "../ui/icons";
import { useInterval } from "../ui/parts";

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
    <svg class="sparkline" viewBox="0 0 300 62" preserveAspectRatio="none" role="img" aria-label="Bitrate of the last two minutes">
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

function audioOf(health: Health): string {
  const nested: AudioHealth = typeof health.audio === "object" && health.audio ? health.audio : {};
  const codec = health.audio_codec ?? nested.codec ?? (typeof health.audio === "string" ? health.audio : null);
  const rate = health.sample_rate ?? nested.sample_rate;
  if (!codec) return "none";
  return rate ? `${codec}, ${(rate / 1000).toFixed(1).replace(/\.0$/, "")} kHz` : codec;
}

function rows(health: Health): [string, string][] {
  return [
    ["Bitrate", health.bitrate ? bitrate(health.bitrate) : dash],
    ["Picture", health.width && health.height ? `${health.width} × ${health.height}` : dash],
    ["Frames", health.fps ? `${health.fps.toFixed(health.fps % 1 > 0.05 ? 1 : 0)} fps` : dash],
    ["Key frames", health.keyframe_interval ? `every ${health.keyframe_interval.toFixed(1)} s` : dash],
    ["Video", health.codec ?? "none"],
    ["Audio", audioOf(health)],
    ["Lost frames", String(health.dropped_frames ?? 0)],
    ["Jitter", health.jitter_ms === null || health.jitter_ms === undefined ? dash : `${Math.round(health.jitter_ms)} ms`],
  ];
}

export function HealthPanel({ streamId, active }: { streamId: string; active: boolean }) {
  const { health, bitrates } = useHealth(streamId, active);
  const warnings = (health?.warnings ?? []).map((warning) => (typeof warning === "string" ? warning : (warning.message ?? warning.code ?? "")));
  return (
    <section class="panel health" aria-labelledby="health-title">
      <h2 id="health-title">Signal</h2>
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
        <p class="dim">Measuring begins with the first frames.</p>
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
