/** HLS through hls.js, or through the browser's own player where media source extensions are missing. */
import type HlsType from "hls.js";
import type { DateRange } from "hls.js";
import { answerTo, Unplayable, whyUnplayable } from "./decisions";
import { t } from "./words";

export interface Level {
  index: number;
  /** As `playback.renditions` names it: `source`, `720p`. */
  name: string;
}

/** A moment that the playlist names. `at`: on the clock of the media element, in seconds. */
export interface Mark {
  id: string;
  kind: string;
  at: number;
}

/** As the server's playlists begin the class of a mark, before its kind. */
const MARK = "urn:socialflow:mark:2026:";

export interface HlsOptions {
  url: string;
  video: HTMLVideoElement;
  /** Seconds from the beginning; null begins at the live edge, or at the start of a recording. */
  startAt: number | null;
  onLevels: (levels: Level[]) => void;
  /** The rendition that is shown from now on. */
  onShown: (name: string) => void;
  /** Those of the playlist, anew with each playlist that comes; never called by browsers that play HLS by themselves. */
  onMarks?: (marks: Mark[]) => void;
  /** The rendition to show, if there is one of this name; null leaves it to the connection. */
  quality: string | null;
  /** Playback cannot go on by itself. */
  onLost: (reason: string) => void;
  /** This browser has no decoder for it. */
  onUnplayable: (error: Unplayable) => void;
}

export interface HlsSession {
  /** Distance from the live edge, or null for a recording. */
  latencyMs: () => number | null;
  livePosition: () => number | null;
  /** Show this rendition from the next segment on; null leaves it to the connection. */
  setQuality: (name: string | null) => void;
  /** What the connection carries, in bits/s; null while that is not known. */
  bandwidth: () => number | null;
  /** Load on after `onLost`, with what is buffered kept. */
  reload: () => void;
  close: () => void;
}

const FIRST_TRY = 8_000_000;

/** The name of the rendition whose playlist this is: the publisher's own pictures are `video.m3u8`. */
export function renditionOf(url: string): string {
  const name = /([^/]+)\.m3u8(\?|$)/.exec(url)?.[1] ?? "";
  return name === "video" || name === "" ? "source" : name;
}

export async function startHls(options: HlsOptions): Promise<HlsSession> {
  const { default: Hls } = await import("hls.js");
  if (Hls.isSupported()) return withHlsJs(Hls, options);
  if (options.video.canPlayType("application/vnd.apple.mpegurl")) return natively(options);
  throw new Unplayable(t("neither"));
}

function withHlsJs(Hls: typeof HlsType, options: HlsOptions): HlsSession {
  const { url, video, startAt, onLevels, onShown, onLost, onUnplayable } = options;
  // The hold-back of the playlist rules the latency: setting a sync count here would override it.
  const hls = new Hls({
    lowLatencyMode: true,
    // Who has rewound chooses the speed: hls.js would set it back.
    maxLiveSyncPlaybackRate: startAt === null ? 1.15 : 1,
    backBufferLength: 60,
    enableWorker: false,
    // Up to this bitrate the best rendition is tried first: what is sent costs the server no encoding.
    abrEwmaDefaultEstimateMax: FIRST_TRY,
    startPosition: startAt ?? -1,
  });
  let recoveries = 0;
  let codecs: string[] = [];
  const unplayable = (): void => onUnplayable(new Unplayable(whyUnplayable(codecs, isDecodable)));
  // Comes after MANIFEST_PARSED: hls.js has left out what the browser cannot decode, and would play the sound alone.
  hls.on(Hls.Events.MANIFEST_LOADED, (_, { levels }) => {
    codecs = levels.flatMap(({ attrs }) => codecsOf(attrs["CODECS"]));
    if (options.quality === null && levels.some(isPicture) && !hls.levels.some(isPicture)) unplayable();
  });
  let levels: Level[] = [];
  const show = (name: string | null): void => {
    hls.nextLevel = levels.find((level) => level.name === name)?.index ?? -1;
  };
  hls.on(Hls.Events.MANIFEST_PARSED, (_, data) => {
    levels = data.levels.map((level, index) => ({ index, name: renditionOf(level.uri) }));
    onLevels(levels);
    if (options.quality) show(options.quality);
  });
  hls.on(Hls.Events.LEVEL_SWITCHED, (_, { level }) => onShown(levels[level]?.name ?? "source"));
  hls.on(Hls.Events.LEVEL_UPDATED, (_, { details }) => options.onMarks?.(marksOf(details.dateRanges)));
  hls.on(Hls.Events.FRAG_BUFFERED, () => (recoveries = 0));
  hls.on(Hls.Events.ERROR, (_, data) => {
    if (!data.fatal) return;
    const answer = answerTo({ isMedia: data.type === Hls.ErrorTypes.MEDIA_ERROR, details: data.details }, recoveries);
    recoveries += 1;
    if (answer === "recover") hls.recoverMediaError();
    else if (answer === "unplayable") unplayable();
    else onLost(data.details);
  });
  hls.loadSource(url);
  hls.attachMedia(video);
  return {
    // Before the jump to the edge the distance is that of the window's beginning.
    latencyMs: () => (video.seeking || video.readyState < video.HAVE_CURRENT_DATA ? null : edgeDistance(hls)),
    livePosition: () => hls.liveSyncPosition,
    setQuality: show,
    bandwidth: () => (Number.isFinite(hls.bandwidthEstimate) ? hls.bandwidthEstimate : null),
    reload: () => hls.startLoad(),
    close: () => hls.destroy(),
  };
}

const isPicture = ({ attrs }: { attrs: { RESOLUTION?: string } }): boolean => attrs.RESOLUTION !== undefined;

function marksOf(ranges: Record<string, DateRange | undefined>): Mark[] {
  const known = Object.values(ranges).filter((range): range is DateRange => range?.class.startsWith(MARK) ?? false);
  return known.map((range) => ({ id: range.id, kind: range.class.slice(MARK.length), at: range.startTime })).filter(({ at }) => !Number.isNaN(at));
}

const codecsOf = (list: string | undefined): string[] => (list ?? "").split(",").map((codec) => codec.trim()).filter(Boolean);

const isDecodable = (codec: string): boolean =>
  ["video/mp4", "audio/mp4"].some((type) => MediaSource.isTypeSupported(`${type}; codecs="${codec}"`));

/** The playlist's clock tells the whole delay from the publisher; used only if this machine's clock agrees with it. */
function edgeDistance(hls: HlsType): number | null {
  if (!hls.levels.length || hls.liveSyncPosition === null) return null;
  const behind = hls.latency * 1000;
  const dated = hls.playingDate ? Date.now() - hls.playingDate.getTime() : NaN;
  return dated >= behind - 500 && dated <= behind + 8000 ? dated : behind;
}

/** The browser's own player: a file, or HLS where it knows that. */
export function natively({ url, video, startAt, onLost }: Pick<HlsOptions, "url" | "video" | "startAt" | "onLost">): HlsSession {
  const abort = new AbortController();
  video.addEventListener("error", () => onLost(video.error?.message ?? "error"), { signal: abort.signal });
  video.src = url;
  if (startAt !== null) video.addEventListener("loadedmetadata", () => (video.currentTime = startAt), { once: true, signal: abort.signal });
  const edge = (): number | null => (video.seekable.length ? video.seekable.end(video.seekable.length - 1) : null);
  return {
    latencyMs: () => {
      const end = edge();
      return end === null || Number.isFinite(video.duration) ? null : Math.max(0, end - video.currentTime) * 1000;
    },
    livePosition: edge,
    setQuality: () => undefined,
    bandwidth: () => null,
    reload: () => undefined,
    close: () => {
      abort.abort();
      video.removeAttribute("src");
      video.load();
    },
  };
}
