/**
 * What plays in one video element, and how: WebRTC first for what is live, HLS when that is refused or fails,
 * HLS from the beginning for who rewinds, and the recording afterwards. Restarts by itself while the stream lives.
 */
import { signal } from "@preact/signals";
import { ApiError, local } from "../api/http";
import type { Stream } from "../api/types";
import { recall, remember } from "../ui/remember";
import { startHls, type HlsSession, type Level } from "./hls";
import { WhepSession } from "./whep";

export type Mode = "webrtc" | "hls" | "dvr" | "recording";
export type Status = "idle" | "loading" | "playing" | "failed";
export type Wish = "auto" | "webrtc" | "hls";

const TICK_MS = 1000;
const STALLED_TICKS = 6;
const RETRY_MS = 1000;
const MAX_RETRY_MS = 15_000;
const MAX_STALLED_MS = 600_000;
/** So many WebRTC failures in a row, and the visit stays with HLS. */
const MAX_WHEP_LOSSES = 2;

const asWish = (value: string | null): Wish => (value === "webrtc" || value === "hls" ? value : "auto");

export class Playback {
  readonly mode = signal<Mode | null>(null);
  readonly status = signal<Status>("idle");
  readonly latencyMs = signal<number | null>(null);
  /** Why it is not played over WebRTC, for people. */
  readonly note = signal<string | null>(null);
  readonly levels = signal<Level[]>([]);
  readonly level = signal(-1);
  readonly wish = signal<Wish>(asWish(recall("sf.playback")));
  /** The browser let it begin without sound only. */
  readonly silenced = signal(false);

  #video: HTMLVideoElement;
  #stream: Stream | null = null;
  #whep: WhepSession | null = null;
  #hls: HlsSession | null = null;
  #generation = 0;
  #whepLosses = 0;
  #held = false;
  #failures = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #ticker: ReturnType<typeof setInterval>;
  #bytes = 0;
  #stalledTicks = 0;
  #stalledSince: number | null = null;
  #stalledMs = 0;
  #abort = new AbortController();

  constructor(video: HTMLVideoElement) {
    this.#video = video;
    const { signal: until } = this.#abort;
    video.addEventListener("playing", () => this.#isPlaying(), { signal: until });
    video.addEventListener("waiting", () => (this.#stalledSince ??= performance.now()), { signal: until });
    addEventListener("pagehide", () => this.stop(), { signal: until });
    this.#ticker = setInterval(() => void this.#tick(), TICK_MS);
  }

  close(): void {
    this.#abort.abort();
    clearInterval(this.#ticker);
    this.stop();
  }

  /** Everything off; the last picture may stay. `isOver`: the broadcast has ended. */
  stop({ isOver = false } = {}): void {
    this.#generation += 1;
    clearTimeout(this.#retry);
    this.#whep?.close({ isOver });
    this.#hls?.close();
    this.#whep = null;
    this.#hls = null;
    this.#stalledTicks = 0;
    this.#bytes = 0;
    this.levels.value = [];
    this.level.value = -1;
    this.latencyMs.value = null;
    this.status.value = "idle";
  }

  /** The publisher is away: what is on the screen stays, and nothing is torn down or tried again until `live`. */
  hold(): void {
    this.#held = true;
    clearTimeout(this.#retry);
  }

  /** Play what is live, at its edge. */
  live(stream: Stream): void {
    if (this.#held) this.#whepLosses = 0;
    this.#held = false;
    this.#stream = stream;
    this.#begin(() => this.#startLive(stream));
  }

  /** Play a live stream from a moment of its past, in seconds from its beginning. */
  rewind(seconds: number): void {
    const url = this.#stream?.playback.hls;
    if (url) this.#begin(() => this.#startHls("dvr", withDvr(local(url)), Math.max(0, seconds)));
  }

  recording(stream: Stream, startAt = 0): void {
    this.#held = false;
    this.#stream = stream;
    const url = stream.playback.hls;
    if (url) this.#begin(() => this.#startHls("recording", local(url), startAt));
  }

  choose(wish: Wish): void {
    this.wish.value = wish;
    remember("sf.playback", wish === "auto" ? null : wish);
    this.#whepLosses = 0;
    const playsLive = this.mode.peek() === "webrtc" || this.mode.peek() === "hls";
    if (playsLive && this.#stream) this.live(this.#stream);
  }

  chooseLevel(index: number): void {
    this.level.value = index;
    this.#hls?.setLevel(index);
  }

  /** Start the element; a browser that refuses sound gets a silent start and the page a hint. */
  async play(): Promise<void> {
    try {
      await this.#video.play();
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "NotAllowedError" || this.#video.muted) return;
      this.#video.muted = true;
      this.silenced.value = true;
      await this.#video.play().catch(() => undefined);
    }
  }

  /** Milliseconds spent waiting for media since the last call. */
  takeStalledMs(): number {
    const now = performance.now();
    const open = this.#stalledSince === null ? 0 : now - this.#stalledSince;
    if (this.#stalledSince !== null) this.#stalledSince = now;
    const taken = this.#stalledMs + open;
    this.#stalledMs = 0;
    return Math.min(MAX_STALLED_MS, Math.round(taken));
  }

  get livePosition(): number | null {
    return this.#hls?.livePosition() ?? null;
  }

  #begin(start: () => Promise<void>): void {
    this.stop();
    const generation = this.#generation;
    this.status.value = "loading";
    const attempt = (): void => {
      start().catch(() => {
        if (generation !== this.#generation || this.#held) return;
        this.#closeSessions();
        this.#failures += 1;
        if (this.#failures > 2) this.status.value = "failed";
        this.#retry = setTimeout(attempt, Math.min(MAX_RETRY_MS, RETRY_MS * this.#failures));
      });
    };
    attempt();
  }

  #closeSessions(): void {
    this.#whep?.close();
    this.#hls?.close();
    this.#whep = null;
    this.#hls = null;
  }

  async #startLive(stream: Stream): Promise<void> {
    const generation = this.#generation;
    const { whep, hls } = stream.playback;
    if (whep && this.#mayUseWhep(hls)) {
      try {
        return await this.#startWhep(local(whep));
      } catch (error) {
        if (generation !== this.#generation) return;
        this.note.value = whyNot(error);
        this.#whepLosses += 1;
        this.#closeSessions();
        this.#video.srcObject = null;
        if (!hls) throw error;
      }
    }
    if (!hls) throw new Error("This stream cannot be played here.");
    await this.#startHls("hls", local(hls), null);
  }

  #mayUseWhep(hls: string | null): boolean {
    if (!("RTCPeerConnection" in window)) return false;
    if (!hls) return true;
    return this.wish.peek() !== "hls" && this.#whepLosses < MAX_WHEP_LOSSES;
  }

  async #startWhep(url: string): Promise<void> {
    const session = new WhepSession();
    this.#whep = session;
    this.mode.value = "webrtc";
    this.#video.playbackRate = 1;
    const started = session.start(url, this.#video, () => this.#lost(session));
    void this.play();
    await started;
    if (this.#whep !== session) return;
    this.note.value = null;
    void this.play();
  }

  async #startHls(mode: Mode, url: string, startAt: number | null): Promise<void> {
    const generation = this.#generation;
    this.#video.srcObject = null;
    this.mode.value = mode;
    const session = await startHls({
      url,
      video: this.#video,
      startAt,
      onLevels: (levels) => (this.levels.value = levels),
      onLost: () => this.#lost(null),
    });
    if (generation !== this.#generation) return session.close();
    this.#hls = session;
    void this.play();
  }

  /** A running session broke: begin the same kind again, more slowly each time. */
  #lost(session: WhepSession | null): void {
    if (this.#held || (session && session !== this.#whep)) return;
    const [mode, stream, at] = [this.mode.peek(), this.#stream, this.#video.currentTime];
    if (!stream) return;
    if (session) this.#whepLosses += 1;
    this.#failures += 1;
    const failed = this.#failures > 2;
    this.stop();
    this.status.value = failed ? "failed" : "loading";
    this.#retry = setTimeout(
      () => {
        if (mode === "recording") this.recording(stream, at);
        else if (mode === "dvr") this.rewind(at);
        else this.live(stream);
      },
      session ? 200 : Math.min(MAX_RETRY_MS, RETRY_MS * this.#failures),
    );
  }

  #isPlaying(): void {
    this.status.value = "playing";
    this.#failures = 0;
    if (this.#stalledSince !== null) this.#stalledMs += performance.now() - this.#stalledSince;
    this.#stalledSince = null;
  }

  async #tick(): Promise<void> {
    const session = this.#whep;
    if (!session) {
      if (this.#hls) this.latencyMs.value = this.mode.peek() === "recording" ? null : this.#hls.latencyMs();
      return;
    }
    const { latencyMs, bytes } = await session.stats().catch(() => ({ latencyMs: null, bytes: this.#bytes + 1 }));
    if (session !== this.#whep || this.status.peek() !== "playing") return;
    if (latencyMs !== null) this.latencyMs.value = latencyMs;
    this.#stalledTicks = bytes > this.#bytes ? 0 : this.#stalledTicks + 1;
    this.#bytes = bytes;
    if (this.#stalledTicks >= STALLED_TICKS && !this.#video.paused) this.#lost(session);
  }
}

function withDvr(url: string): string {
  return url + (url.includes("?") ? "&" : "?") + "dvr=1";
}

function whyNot(error: unknown): string {
  if (error instanceof ApiError && !error.isOffline) return REASONS[error.reason ?? ""] ?? error.message;
  return error instanceof Error ? error.message : "WebRTC is not available.";
}

const REASONS: Record<string, string> = {
  b_frames: "The broadcast uses B-frames, which browsers cannot show over WebRTC.",
  full: "No more places for WebRTC viewers on this server.",
  codec_unsupported: "The broadcast uses a codec that this browser cannot play over WebRTC.",
};
