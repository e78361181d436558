/** How long a viewer waited for media, without a browser. */

const MAX_MS = 600_000;

export class Stalls {
  #since: number | null = null;
  #ms = 0;
  #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  begin(): void {
    this.#since ??= this.#now();
  }

  /** Media has come, or the viewer does not wait for it any more. */
  end(): void {
    if (this.#since !== null) this.#ms += this.#now() - this.#since;
    this.#since = null;
  }

  /** Whole milliseconds since the last call, at most as many as a heartbeat may hold. */
  take(): number {
    const isOpen = this.#since !== null;
    this.end();
    if (isOpen) this.begin();
    const taken = this.#ms;
    this.#ms = 0;
    return Math.min(MAX_MS, Math.round(taken));
  }
}
