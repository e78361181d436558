/** How the stream reaches this viewer, in figures. */
import { bitrate, count, decimal, milliseconds, percent, seconds } from "../../ui/format";
import type { Playback } from "./playback";
import { t } from "./words";

const NONE = "–";

type Line = [name: string, value: string];

/** Nothing while there is nothing to tell. */
export function Statistics({ playback }: { playback: Playback }) {
  const lines = linesOf(playback);
  if (!lines.length) return null;
  return (
    <details class="settings-keys settings-statistics">
      <summary>{t("statistics")}</summary>
      <dl>
        {lines.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="tabular">
              <bdi>{value}</bdi>
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

function linesOf(playback: Playback): Line[] {
  const latencyMs = playback.latencyMs.value;
  const behind: Line = [t("behind"), latencyMs === null ? NONE : span(latencyMs)];
  const stats = playback.stats.value;
  if (playback.mode.value === "hls") return [behind, ...connection(playback.bandwidth)];
  if (playback.mode.value !== "webrtc" || !stats) return [];
  return [
    behind,
    [t("picture"), stats.width ? `${stats.width}×${stats.height}` : NONE],
    [t("frameRate"), stats.fps === null ? NONE : t("perSecond", { n: decimal(stats.fps, 0) })],
    [t("bitrate"), stats.bitrate === null ? NONE : bitrate(stats.bitrate)],
    [t("roundTrip"), stats.roundTripMs === null ? NONE : milliseconds(stats.roundTripMs)],
    [t("jitter"), stats.jitterMs === null ? NONE : milliseconds(stats.jitterMs)],
    [t("packetLoss"), `${stats.lostShare === null ? NONE : percent(stats.lostShare)} (${count(stats.lost)})`],
    [t("askedAgain"), count(stats.asked)],
    [t("freezes"), stats.freezes ? `${count(stats.freezes)} (${seconds(stats.frozenMs / 1000)})` : count(0)],
  ];
}

function connection(bandwidth: number | null): Line[] {
  return bandwidth === null ? [] : [[t("connection"), bitrate(bandwidth)]];
}

const span = (ms: number): string => (ms < 10_000 ? milliseconds(ms) : seconds(ms / 1000));
