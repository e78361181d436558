/** What the player decides, without a browser: which way to watch, what a failure means, how long to wait. */
import { ApiError, sentence } from "../../api/http";
import { listed } from "../../ui/format";
import { t } from "./words";

/** So many WebRTC failures in a row, and the visit stays with HLS. */
const MAX_WEBRTC_LOSSES = 2;
/** A session that showed pictures for so long worked here; its end says nothing about the next one. */
const PROVEN_MS = 15_000;
const RETRY_MS = 1000;
const MAX_RETRY_MS = 5000;
const MAX_RECOVERIES = 3;
/** Less than this is played before another try could end. */
const LEAST_AHEAD_S = 0.3;
const CAUGHT_UP_MS = 5000;
/** So many 503 in a row, and the server has no WebRTC rather than none yet. */
const MANY_UNAVAILABLE = 5;

/** The browser has no decoder for what is sent: neither a reload nor another try helps. The message is for people. */
export class Unplayable extends Error {}

const REASONS: Readonly<Record<string, () => string>> = {
  b_frames: () => t("bFrames"),
  full: () => t("full"),
  codec_unsupported: () => t("codec"),
};

/** Why it is not played over WebRTC, for people. */
export function whyNotWebrtc(error: unknown): string {
  if (error instanceof ApiError) return REASONS[error.reason ?? ""]?.() ?? sentence(error);
  return error instanceof Error ? error.message : t("noWebrtc");
}

/** Whether WebRTC is worth another try in this visit. */
export class WebrtcTrust {
  #losses = 0;
  #unavailable = 0;

  get isSpent(): boolean {
    return this.#losses >= MAX_WEBRTC_LOSSES;
  }

  reset(): void {
    this.#losses = 0;
    this.#unavailable = 0;
  }

  /**
   * A session did not come about. Answers whether to wait for the next try: the server or the publisher is away
   * for a moment, HLS would fail as well, and WebRTC is not to blame.
   */
  mayWait(error: unknown): boolean {
    if (!(error instanceof ApiError)) return false;
    const isUnavailable = error.status === 503 && error.reason !== "full" && !error.type.endsWith("/interrupted");
    this.#unavailable = isUnavailable ? this.#unavailable + 1 : 0;
    if (error.status === 503) return error.reason !== "full" && this.#unavailable < MANY_UNAVAILABLE;
    return error.isOffline || [404, 409, 502, 504].includes(error.status);
  }

  /** A session did not come about, and the way itself is to blame. */
  failed(): void {
    this.#losses += 1;
  }

  /** A session broke after it had shown pictures for `playedMs`. */
  lost(playedMs: number): void {
    this.#losses = playedMs >= PROVEN_MS ? 0 : this.#losses + 1;
  }
}

/** The wait before the try after `failures` failed ones; `random` in [0, 1) keeps a crowd from coming at once. */
export function retryMs(failures: number, random: number): number {
  return Math.min(MAX_RETRY_MS, RETRY_MS * Math.max(1, failures)) * (0.6 + 0.4 * random);
}

/** Whether something of an ended broadcast is still to be shown: over HLS a viewer is some seconds behind. */
export function hasMoreToShow(now: { mode: string | null; status: string; isMoving: boolean }): boolean {
  return now.mode === "hls" && now.status === "playing" && now.isMoving;
}

/** Whether a session that can load nothing more is kept: what is buffered is played, and loading tried again beside it. */
export function playsOn(now: { mode: string | null; isMoving: boolean; aheadS: number }): boolean {
  return now.mode !== "webrtc" && now.isMoving && now.aheadS > LEAST_AHEAD_S;
}

/** Whether who rewound and plays faster than live has come to the edge. */
export function hasCaughtUp(now: { mode: string | null; rate: number; behindMs: number | null }): boolean {
  return now.mode === "dvr" && now.rate > 1 && now.behindMs !== null && now.behindMs < CAUGHT_UP_MS;
}

export interface HlsFailure {
  isMedia: boolean;
  /** hls.js' `ErrorDetails`. */
  details: string;
}

const NO_DECODER = new Set(["manifestIncompatibleCodecsError", "bufferIncompatibleCodecsError", "bufferAddCodecError"]);

/** What to do about a fatal error of hls.js after `recoveries` attempts to recover without a frame in between. */
export function answerTo({ isMedia, details }: HlsFailure, recoveries: number): "recover" | "unplayable" | "restart" {
  if (NO_DECODER.has(details)) return "unplayable";
  return isMedia && recoveries < MAX_RECOVERIES ? "recover" : "restart";
}

const CODEC_NAMES: [RegExp, string][] = [
  [/^(hvc1|hev1|dvh1|dvhe)/, "HEVC (H.265)"],
  [/^av01/, "AV1"],
  [/^vp0?9/, "VP9"],
  [/^vp0?8/, "VP8"],
  [/^avc[13]/, "H.264"],
  [/^mp4a/, "AAC"],
  [/^opus/i, "Opus"],
  [/^ac-3/, "Dolby Digital"],
  [/^ec-3/, "Dolby Digital Plus"],
];

const nameOf = (codec: string): string => CODEC_NAMES.find(([form]) => form.test(codec))?.[1] ?? codec;

/** Says what cannot be played and why. `codecs`: RFC 6381 strings of all renditions; `isSupported` asks the browser. */
export function whyUnplayable(codecs: string[], isSupported: (codec: string) => boolean): string {
  const missing = [...new Set(codecs.filter((codec) => !isSupported(codec)).map(nameOf))];
  return t("sentAs", { codecs: missing.length ? listed(missing) : t("aFormat") });
}
