/**
 * What plays in one video element, and how: WebRTC first for what is live, HLS when that is refused or fails,
 * HLS from the beginning for who rewinds, and the recording afterwards. Restarts by itself while the stream lives.
 */
import { signal } from "@preact/signals";
import { media, withQuery } from "../../api/http";
import type { Stream } from "../../api/types";
import { recall, remember } from "../../ui/remember";
import { getStream } from "../streams/calls";
import { Captions } from "./captions";
import { hasCaughtUp, hasMoreToShow, playsOn, retryMs, Unplayable, WebrtcTrust, whyNotWebrtc } from "./decisions";
import { natively, startHls, type HlsSession, type Level, type Mark } from "./hls";
import { Sound } from "./sound";
import { Stalls } from "./stalls";
import { WhepSession } from "./whep";
import type { WhepStats } from "./whep-stats";
import { t } from "./words";

/** What the player needs of a stream; a clip is one whose file it plays. */
export type Watchable = Pick<Stream, "id" | "title" | "owner" | "state" | "started_at" | "scheduled_at"> & {
  /** Nobody broadcast it: neither live nor a recording. */
  readonly isFile?: boolean;
  readonly playback: Pick<Stream["playback"], "hls" | "whep" | "thumbnail"> & Partial<Pick<Stream["playback"], "storyboard">> & {
    readonly mp4?: string | null | undefined;
    readonly renditions?: Rendition[];
  };
};

export type Rendition = Stream["playback"]["renditions"][number];

export type Mode = "webrtc" | "hls" | "dvr" | "recording";
export type Status = "idle" | "loading" | "playing" | "failed" | "unplayable";
export type Wish = "auto" | "webrtc" | "hls";

/** The rendition without pictures. */
export const AUDIO = "audio";
const TICK_MS = 1000;
const STALLED_TICKS = 6;
const AT_ONCE_MS = 200;
const RELOAD_MS = 1000;
/** From here on the page says that there is no picture. */
const MANY_FAILURES = 2;
/** A rendition that this browser can play may be offered a moment later. */
const UNPLAYABLE_AGAIN_MS = 10_000;
/** So long the rest of an ended broadcast may take. */
const MAX_REST_MS = 10_000;

const asWish = (value: string | null): Wish => (value === "webrtc" || value === "hls" ? value : "auto");

export class Playback {
  readonly mode = signal<Mode | null>(null);
  readonly status = signal<Status>("idle");
  readonly latencyMs = signal<number | null>(null);
  /** Of the connection over WebRTC. */
  readonly stats = signal<WhepStats | null>(null);
  /** Why it is not played over WebRTC, for people. */
  readonly note = signal<string | null>(null);
  /** Why it cannot be played at all, while `status` is "unplayable". */
  readonly why = signal<string | null>(null);
  readonly levels = signal<Level[]>([]);
  /** The rendition that was chosen: a name of `playback.renditions`, `audio` for the sound alone; null is automatic. */
  readonly quality = signal<string | null>(null);
  /** The moments that the playlist names; null while no playlist tells of any. */
  readonly marks = signal<Mark[] | null>(null);
  /** The rendition that HLS shows. */
  readonly shown = signal<string | null>(null);
  readonly wish = signal<Wish>(asWish(recall("sf.playback")));
  /** Whether the picture is moving. Over HLS it does for a while after nothing more has come. */
  readonly isMoving = signal(false);
  readonly sound: Sound;
  readonly captions: Captions;

  #video: HTMLVideoElement;
  #stream: Watchable | null = null;
  #whep: WhepSession | null = null;
  #hls: HlsSession | null = null;
  #generation = 0;
  #trust = new WebrtcTrust();
  /** When the running WebRTC session showed its first picture. */
  #whepSince = 0;
  #held = false;
  #failures = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** Ends the showing of what is left of an ended broadcast. */
  #rest: ReturnType<typeof setTimeout> | undefined;
  /** What the retry timer waits to do. */
  #due: (() => void) | null = null;
  #ticker: ReturnType<typeof setInterval>;
  #bytes = 0;
  #stalledTicks = 0;
  #stalls = new Stalls();
  #abort = new AbortController();

  constructor(video: HTMLVideoElement) {
    this.#video = video;
    const { signal: until } = this.#abort;
    this.sound = new Sound(video, until);
    this.captions = new Captions(video.textTracks, until);
    video.addEventListener("playing", () => this.#isPlaying(), { signal: until });
    video.addEventListener("waiting", () => this.#isWaiting(), { signal: until });
    video.addEventListener("ended", () => this.#hasEnded(), { signal: until });
    video.addEventListener("playing", () => (this.isMoving.value = true), { signal: until });
    for (const event of ["waiting", "pause", "ended", "emptied"]) {
      video.addEventListener(event, () => (this.isMoving.value = false), { signal: until });
    }
    for (const event of ["pause", "ended"]) video.addEventListener(event, () => this.#stalls.end(), { signal: until });
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
    this.#end(isOver);
    this.status.value = "idle";
  }

  /** The publisher is away: what is on the screen stays, and nothing is torn down or tried again until `live`. */
  hold(): void {
    this.#held = true;
    this.#cancelRetry();
  }

  /** The broadcast has ended. What HLS is behind is shown before everything is off. */
  finish(): void {
    const [mode, status] = [this.mode.peek(), this.status.peek()];
    if (!hasMoreToShow({ mode, status, isMoving: this.isMoving.peek() })) return this.stop({ isOver: true });
    this.hold();
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.#isAtTheEnd(), MAX_REST_MS);
  }

  /** The server can be reached again: what waits for another try gets it, and a session without media is not waited for. */
  serverIsBack(): void {
    const due = this.#due;
    this.#cancelRetry();
    this.#failures = 0;
    this.#trust.reset();
    if (due) due();
    else if (this.#whep && this.#stalledTicks > 0) this.#lost(this.#whep);
  }

  /** Play what is live, at its edge. */
  live(stream: Watchable): void {
    const goesOn = this.#held && stream.id === this.#stream?.id && this.#showsTheSlate;
    if (this.#held) this.#trust.reset();
    this.#held = false;
    this.#stream = stream;
    if (goesOn) return;
    this.#begin(() => this.#startLive(stream));
  }

  /** HLS has gone on while the publisher was away: the same playlist holds what comes now. */
  get #showsTheSlate(): boolean {
    return (this.mode.peek() === "hls" || this.mode.peek() === "dvr") && this.isMoving.peek();
  }

  /** Play a live stream from a moment of its past, in seconds from its beginning. */
  rewind(seconds: number): void {
    const url = this.#stream?.playback.hls;
    if (url) this.#begin(() => this.#startHls("dvr", withDvr(countedBySocket(media(url))), Math.max(0, seconds)));
  }

  recording(stream: Watchable, startAt = 0): void {
    this.#held = false;
    this.#stream = stream;
    const { hls: url, mp4 } = stream.playback;
    if (!url && mp4) this.#begin(() => this.#startFile(media(mp4), startAt));
    else if (url) this.#begin(() => this.#startHls("recording", media(url), startAt));
  }

  choose(wish: Wish): void {
    this.wish.value = wish;
    remember("sf.playback", wish === "auto" ? null : wish);
    this.#trust.reset();
    const playsLive = this.mode.peek() === "webrtc" || this.mode.peek() === "hls";
    if (playsLive && this.#stream) this.live(this.#stream);
  }

  /** A rendition that WebRTC does not send comes over HLS; null leaves both to the connection. */
  chooseQuality(name: string | null): void {
    const before = this.quality.peek();
    if (name === before) return;
    this.quality.value = name;
    if (this.#whep && this.mode.peek() === "webrtc" && name !== AUDIO) return void this.#chooseLayer(this.#whep, name);
    const staysInHls = this.mode.peek() !== "webrtc" && name !== null && name !== AUDIO && before !== AUDIO;
    if (staysInHls || (this.mode.peek() !== "hls" && this.mode.peek() !== "webrtc")) this.#hls?.setQuality(name);
    else if (this.#stream) this.live(this.#stream);
  }

  async #chooseLayer(session: WhepSession, name: string | null): Promise<void> {
    const isSent = await session.chooseLayer(name);
    const isNewest = session === this.#whep && this.quality.peek() === name;
    if (!isSent && name !== null && isNewest && this.#stream) this.live(this.#stream);
  }

  /** What the connection carries over HLS, in bits/s. */
  get bandwidth(): number | null {
    return this.#hls?.bandwidth() ?? null;
  }

  /** Milliseconds spent waiting for media since the last call. */
  takeStalledMs(): number {
    return this.#stalls.take();
  }

  get livePosition(): number | null {
    return this.#hls?.livePosition() ?? null;
  }

  #begin(start: () => Promise<void>): void {
    const wasUnplayable = this.status.peek() === "unplayable";
    this.#end();
    const generation = this.#generation;
    if (!wasUnplayable) this.status.value = "loading";
    const attempt = (): void => {
      start().catch((error: unknown) => {
        if (generation !== this.#generation || this.#held) return;
        this.#closeSessions();
        if (error instanceof Unplayable) return this.#isUnplayable(error, attempt);
        this.#failures += 1;
        if (this.#failures > MANY_FAILURES) this.status.value = "failed";
        this.#retryIn(retryMs(this.#failures, Math.random()), attempt);
      });
    };
    attempt();
  }

  #isUnplayable(error: Unplayable, again: () => void): void {
    this.why.value = error.message;
    this.status.value = "unplayable";
    this.#trust.reset();
    this.#retryIn(UNPLAYABLE_AGAIN_MS, again);
  }

  #retryIn(ms: number, attempt: () => void): void {
    this.#cancelRetry();
    this.#due = () => {
      this.#due = null;
      attempt();
    };
    this.#retry = setTimeout(this.#due, ms);
  }

  #cancelRetry(): void {
    clearTimeout(this.#retry);
    this.#due = null;
  }

  #end(isOver = false): void {
    this.#generation += 1;
    clearTimeout(this.#rest);
    this.#rest = undefined;
    this.#cancelRetry();
    this.#closeSessions(isOver);
    this.#stalledTicks = 0;
    this.#bytes = 0;
    this.levels.value = [];
    this.marks.value = null;
    this.shown.value = null;
    this.latencyMs.value = null;
    this.stats.value = null;
  }

  #closeSessions(isOver = false): void {
    this.#whep?.close({ isOver });
    this.#hls?.close();
    this.#whep = null;
    this.#hls = null;
  }

  async #startLive(stream: Watchable): Promise<void> {
    const generation = this.#generation;
    const { whep, hls } = stream.playback;
    if (whep && this.#mayUseWhep(hls)) {
      try {
        return await this.#startWhep(countedBySocket(media(whep)));
      } catch (error) {
        if (generation !== this.#generation) return;
        if (this.#trust.mayWait(error)) throw error;
        this.note.value = whyNotWebrtc(error);
        this.#trust.failed();
        this.#closeSessions();
        this.#video.srcObject = null;
        if (!hls) throw error;
      }
    }
    if (!hls) throw new Unplayable(t("noOtherWay"));
    await this.#startHls("hls", countedBySocket(media(this.quality.peek() === AUDIO ? soundOf(hls) : hls)), null);
  }

  #mayUseWhep(hls: string | null): boolean {
    if (!("RTCPeerConnection" in window)) return false;
    if (!hls) return true;
    return this.wish.peek() !== "hls" && this.quality.peek() === null && !this.#trust.isSpent;
  }

  async #startWhep(url: string): Promise<void> {
    const session = new WhepSession();
    this.#whep = session;
    this.mode.value = "webrtc";
    this.#video.playbackRate = 1;
    const started = session.start(url, this.#video, () => this.#lost(session));
    void this.sound.play();
    await started;
    if (this.#whep !== session) return;
    this.note.value = null;
    this.#whepSince = performance.now();
    void this.sound.play();
  }

  async #startHls(mode: Mode, url: string, startAt: number | null): Promise<void> {
    const generation = this.#generation;
    this.#video.srcObject = null;
    this.mode.value = mode;
    const session = await startHls({
      url,
      video: this.#video,
      startAt,
      quality: this.quality.peek(),
      onLevels: (levels) => (this.levels.value = levels),
      onShown: (name) => (this.shown.value = name),
      onMarks: (marks) => generation === this.#generation && (this.marks.value = marks),
      onLost: () => generation === this.#generation && this.#cannotLoad(session),
      onUnplayable: (error) => generation === this.#generation && this.#lost(null, error),
    });
    if (generation !== this.#generation) return session.close();
    this.#hls = session;
    void this.sound.play();
  }

  /** A file that the browser plays by itself. */
  #startFile(url: string, startAt: number): Promise<void> {
    const generation = this.#generation;
    this.#video.srcObject = null;
    this.mode.value = "recording";
    const session = natively({
      url,
      video: this.#video,
      startAt,
      onLost: () => generation === this.#generation && this.#cannotLoad(session),
    });
    this.#hls = session;
    void this.sound.play();
    return Promise.resolve();
  }

  /** Nothing more of it can be loaded. What there is is played, while another try may still be in time. */
  #cannotLoad(session: HlsSession): void {
    if (this.#held) return;
    const now = { mode: this.mode.peek(), isMoving: this.isMoving.peek(), aheadS: bufferedAhead(this.#video) };
    if (playsOn(now)) this.#retryIn(RELOAD_MS, () => session.reload());
    else this.#lost(null);
  }

  /** A running session broke: begin the same kind again, more slowly each time. */
  #lost(session: WhepSession | null, error?: Error): void {
    if (this.#held || (session && session !== this.#whep)) return;
    const [mode, stream, at] = [this.mode.peek(), this.#stream, this.#video.currentTime];
    if (!stream) return;
    if (session) this.#trust.lost(performance.now() - this.#whepSince);
    this.#failures += 1;
    const again = (): void => {
      if (mode === "recording") this.recording(stream, at);
      else if (mode === "dvr") this.rewind(at);
      else if (session) void this.#liveUnlessOver(stream);
      else this.live(stream);
    };
    this.#end();
    if (error instanceof Unplayable) return this.#isUnplayable(error, again);
    this.status.value = this.#failures > MANY_FAILURES ? "failed" : "loading";
    this.#retryIn(session ? AT_ONCE_MS : retryMs(this.#failures, Math.random()), again);
  }

  /** The end of a session comes before the news that the broadcast is over: nothing is offered to one that is. */
  async #liveUnlessOver(stream: Watchable): Promise<void> {
    const generation = this.#generation;
    const fresh = await getStream(stream.id).catch(() => null);
    if (generation !== this.#generation || this.#held) return;
    if (fresh && !isOver(fresh)) return this.live(fresh);
    this.#failures += 1;
    this.#retryIn(retryMs(this.#failures, Math.random()), () => void this.#liveUnlessOver(stream));
  }

  #isPlaying(): void {
    this.status.value = "playing";
    this.#failures = 0;
    this.#stalls.end();
  }

  #isWaiting(): void {
    this.#stalls.begin();
    this.#isAtTheEnd();
  }

  /** The playlist of a stream that goes on ends when it has more to offer: pictures beside the sound. */
  #hasEnded(): void {
    if (this.#rest !== undefined) this.#isAtTheEnd();
    else if (this.mode.peek() === "hls" || this.mode.peek() === "dvr") this.#lost(null);
  }

  #isAtTheEnd(): void {
    if (this.#rest !== undefined) this.stop({ isOver: true });
  }

  async #tick(): Promise<void> {
    const session = this.#whep;
    if (!session) {
      const isShown = this.status.peek() === "playing" && this.mode.peek() !== "recording";
      if (this.#hls) this.latencyMs.value = isShown ? this.#hls.latencyMs() : null;
      const now = { mode: this.mode.peek(), rate: this.#video.playbackRate, behindMs: this.latencyMs.peek() };
      if (isShown && this.#stream && hasCaughtUp(now)) this.live(this.#stream);
      return;
    }
    const stats = await session.stats().catch(() => null);
    if (session !== this.#whep || this.status.peek() !== "playing") return;
    const { latencyMs, bytes } = stats ?? { latencyMs: null, bytes: this.#bytes + 1 };
    this.stats.value = stats;
    if (latencyMs !== null) this.latencyMs.value = latencyMs;
    this.#stalledTicks = bytes > this.#bytes ? 0 : this.#stalledTicks + 1;
    this.#bytes = bytes;
    if (this.#stalledTicks >= STALLED_TICKS && !this.#video.paused) this.#lost(session);
  }
}

/** Whether a broadcast has ended or is about to: what is still being written of it is not for who comes now. */
export function isOver({ state, playback }: Pick<Watchable, "state" | "playback">): boolean {
  return state === "ended" || (state === "live" && playback.whep === null);
}

/** Seconds that can be played without loading. */
function bufferedAhead({ buffered, currentTime }: HTMLVideoElement): number {
  for (let at = 0; at < buffered.length; at++) {
    if (buffered.start(at) <= currentTime && currentTime < buffered.end(at)) return buffered.end(at) - currentTime;
  }
  return 0;
}

/** The playlist of the sound alone, beside the one of all renditions. */
function soundOf(url: string): string {
  return url.replace("index.m3u8", "audio.m3u8");
}

const withDvr = (url: string): string => withQuery(url, "dvr=1");

/** The page's socket counts this viewer: the server need not count the player as well. */
const countedBySocket = (url: string): string => withQuery(url, "view=socket");
