/** Starting without sound where a browser refuses it, and what follows from that. */
import { signal } from "@preact/signals";

/** A pause so soon before or after the sound came back is the browser's answer to it, not a person's wish. */
const OWN_PAUSE_MS = 300;

/** What is needed of a video element. */
export interface Sounding extends EventTarget {
  muted: boolean;
  readonly paused: boolean;
  play: () => Promise<void>;
}

export class Sound {
  /** The browser let it begin without sound only. */
  readonly silenced = signal(false);
  #video: Sounding;
  #now: () => number;
  #pausedAt = -Infinity;
  #unmutedAt = -Infinity;

  constructor(video: Sounding, until: AbortSignal, now: () => number = () => performance.now()) {
    this.#video = video;
    this.#now = now;
    video.addEventListener("volumechange", () => this.#volumeChanged(), { signal: until });
    video.addEventListener("pause", () => this.#paused(), { signal: until });
  }

  /** Start the element; a browser that refuses sound gets a silent start. */
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

  /** A person asks for it, so the browser allows the sound that it refused before. */
  resume(): Promise<void> {
    if (this.silenced.peek()) this.#video.muted = false;
    this.silenced.value = false;
    return this.play();
  }

  /** WebKit pauses an element that it let begin silently when the sound is put on, by its own controls too. */
  #volumeChanged(): void {
    if (!this.silenced.peek() || this.#video.muted) return;
    this.silenced.value = false;
    this.#unmutedAt = this.#now();
    const isOwnPause = this.#now() - this.#pausedAt < OWN_PAUSE_MS;
    if (isOwnPause) void this.play();
  }

  #paused(): void {
    this.#pausedAt = this.#now();
    if (this.#now() - this.#unmutedAt < OWN_PAUSE_MS) void this.play();
  }
}
