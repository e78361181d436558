/** The renditions of a stream as the player's menu has them. */
import { AUDIO, type Playback, type Rendition, type Watchable } from "./playback";
import { t } from "./words";

/** Of a rendition, for people: its lines, and its frames where they are many. */
function labelOf({ name, width, height, fps }: Rendition): string {
  const lines = Math.min(width || height, height);
  return name === AUDIO || !lines ? t("audioOnly") : `${lines}p${fps > 40 ? Math.round(fps) : ""}`;
}

/** The renditions that can be had: name, label, and a hint. */
export function qualities(stream: Watchable, playback: Playback): [string, string, string][] {
  const playable = new Set(playback.levels.value.map(({ name }) => name));
  return (stream.playback.renditions ?? [])
    .filter(({ name, state }) => state !== "off" && (name === AUDIO || !playable.size || playable.has(name) || playback.quality.value === AUDIO))
    .map((one) => [one.name, labelOf(one), one.name === "source" ? t("asSent") : ""]);
}

/** What is shown while the choice is automatic, and why. */
export function whyThis(stream: Watchable, playback: Playback): string {
  if (playback.quality.value !== null) return t("byConnection");
  if (playback.mode.value === "webrtc") return t("whyWebrtc");
  const shown = stream.playback.renditions?.find(({ name }) => name === playback.shown.value);
  const bandwidth = playback.bandwidth;
  if (!shown || bandwidth === null) return t("byConnection");
  return t("whyShown", { quality: labelOf(shown), rate: (bandwidth / 1_000_000).toFixed(1) });
}
