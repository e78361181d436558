/** Who watches: figures, and the curve of the whole broadcast. */
import { useEffect, useState } from "preact/hooks";
import type { Stream } from "../../api/types";
import { count, duration, latency, percent } from "../../ui/format";
import { useInterval } from "../../ui/parts";
import { analyticsOf, csvOf, type Analytics } from "./calls";
import { t } from "./words";

type Points = Analytics["retention"];

const POLL_MS = 10_000;

export function Viewers({ stream, onAir }: { stream: Stream; onAir: boolean }) {
  const [seen, setSeen] = useState<Analytics | null>(null);
  const load = (): void => void analyticsOf(stream.id).then(setSeen, () => undefined);
  useEffect(load, [stream.id, onAir]);
  useInterval(load, POLL_MS, onAir);
  return (
    <>
      <dl class="dash-figures">
        {onAir && <Figure name={t("watchingNow")} value={count(stream.viewers)} />}
        <Figure name={t("most")} value={count(stream.peak_viewers)} />
        <Figure name={t("unique")} value={count(stream.unique_viewers)} />
        {seen && <Figure name={t("average")} value={t("averageTime", { time: duration(seen.average_watch_seconds) })} />}
        {seen && <Figure name={t("messages")} value={count(seen.chat_messages)} />}
        {seen && <Figure name={t("stalls")} value={t("stalled", { time: duration(seen.stalled_seconds) })} />}
        {seen?.latency_ms ? <Figure name={t("delay")} value={latency(seen.latency_ms)} /> : null}
      </dl>
      {seen && <Curve points={whole(seen.retention, onAir)} />}
      {seen && <Protocols seconds={seen.watch_seconds_by_protocol} />}
      {seen && seen.retention.length > 0 && (
        <div class="row">
          <button type="button" class="button small" onClick={() => save(csvOf(seen), `retention-${stream.id}.csv`)}>
            {t("asCsv")}
          </button>
        </div>
      )}
    </>
  );
}

function Figure({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class="tabular">{value}</dd>
    </div>
  );
}

/** A minute that has just begun has not all of its viewers yet. */
const whole = (points: Points, onAir: boolean): Points => (onAir && points.length > 1 ? points.slice(0, -1) : points);

function Curve({ points: retention }: { points: Points }) {
  const most = Math.max(0, ...retention.map(({ viewers }) => viewers));
  if (!most) return <p class="dim">{t("noViews")}</p>;
  const x = (index: number): string => ((index / Math.max(1, retention.length - 1)) * 300).toFixed(1);
  const y = (viewers: number): string => (58 - (viewers / most) * 54).toFixed(1);
  // A single minute is a line across, not a point.
  const line = retention.length > 1 ? retention : [...retention, ...retention];
  const points = line.map(({ viewers }, index) => `${retention.length > 1 ? x(index) : index * 300},${y(viewers)}`).join(" ");
  return (
    <figure class="dash-curve">
      <figcaption>
        {t("overTime")} <span class="dim">{t("overTimeText", { most: count(most), now: count(retention.at(-1)?.viewers ?? 0) })}</span>
      </figcaption>
      <svg viewBox="0 0 300 62" preserveAspectRatio="none" aria-hidden="true">
        <polygon points={`0,62 ${points} 300,62`} />
        <polyline points={points} />
      </svg>
    </figure>
  );
}

const NAMES: Readonly<Record<string, string>> = { webrtc: "WebRTC", hls: "HLS", dash: "DASH" };

function Protocols({ seconds }: { seconds: Record<string, number> }) {
  const all = Object.values(seconds).reduce((sum, one) => sum + one, 0);
  const named = Object.entries(seconds).filter(([name]) => name in NAMES);
  if (!all || !named.length) return null;
  return (
    <dl class="dash-shares" aria-label={t("byProtocol")}>
      {named.map(([name, one]) => (
        <div key={name}>
          <dt>{NAMES[name]}</dt>
          <dd class="tabular">{percent(one / all)}</dd>
        </div>
      ))}
    </dl>
  );
}

function save(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  URL.revokeObjectURL(url);
}
