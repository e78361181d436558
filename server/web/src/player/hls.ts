/** HLS through hls.js, or through the browser's own player where media source extensions are missing. */
import type HlsType from "hls.js";

export interface Level {
  index: number;
  label: string;
}

export interface HlsOptions {
  url: string;
  video: HTMLVideoElement;
  /** Seconds from the beginning; null begins at the live edge, or at the start of a recording. */
  startAt: number | null;
  onLevels: (levels: Level[]) => void;
  /** Playback cannot go on by itself. */
  onLost: (reason: string) => void;
}

const MAX_RECOVERIES = 3;

export interface HlsSession {
  /** Distance from the live edge, or null for a recording. */
  latencyMs: () => number | null;
  livePosition: () => number | null;
  setLevel: (index: number) => void;
  close: () => void;
}

export async function startHls(options: HlsOptions): Promise<HlsSession> {
  const { default: Hls } = await import("hls.js");
  if (Hls.isSupported()) return withHlsJs(Hls, options);
  if (options.video.canPlayType("application/vnd.apple.mpegurl")) return natively(options);
  throw new Error("This browser can play neither WebRTC nor HLS.");
}

function withHlsJs(Hls: typeof HlsType, { url, video, startAt, onLevels, onLost }: HlsOptions): HlsSession {
  // The hold-back of the playlist rules the latency: setting a sync count here would override it.
  const hls = new Hls({
    lowLatencyMode: true,
    maxLiveSyncPlaybackRate: 1.15,
    backBufferLength: 60,
    enableWorker: false,
    capLevelToPlayerSize: true,
    startPosition: startAt ?? -1,
  });
  let recoveries = 0;
  hls.on(Hls.Events.MANIFEST_PARSED, (_, data) => {
    onLevels(
      data.levels.map((level, index) => ({
        index,
        label: level.height ? `${Math.min(level.height, level.width || level.height)}p` : level.name || `Level ${index + 1}`,
      })),
    );
  });
  hls.on(Hls.Events.FRAG_BUFFERED, () => (recoveries = 0));
  hls.on(Hls.Events.ERROR, (_, data) => {
    if (!data.fatal) return;
    recoveries += 1;
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && recoveries <= MAX_RECOVERIES) hls.recoverMediaError();
    else onLost(data.details);
  });
  hls.loadSource(url);
  hls.attachMedia(video);
  return {
    latencyMs: () => edgeDistance(hls),
    livePosition: () => hls.liveSyncPosition,
    setLevel: (index) => (hls.nextLevel = index),
    close: () => hls.destroy(),
  };
}

/** The playlist's clock tells the whole delay from the publisher; used only if this machine's clock agrees with it. */
function edgeDistance(hls: HlsType): number | null {
  if (!hls.levels.length || hls.liveSyncPosition === null) return null;
  const behind = hls.latency * 1000;
  const dated = hls.playingDate ? Date.now() - hls.playingDate.getTime() : NaN;
  return dated >= behind - 500 && dated <= behind + 8000 ? dated : behind;
}

function natively({ url, video, startAt, onLost }: HlsOptions): HlsSession {
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
    setLevel: () => undefined,
    close: () => {
      abort.abort();
      video.removeAttribute("src");
      video.load();
    },
  };
}
