/** Tells the server up to which message the person has read, while the page is seen, and not more often than it must. */

const PAUSE_MS = 400;

export class Receipts {
  #tell: (offset: number) => Promise<unknown>;
  #seen = 0;
  #told = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #abort = new AbortController();

  constructor(tell: (offset: number) => Promise<unknown>) {
    this.#tell = tell;
    document.addEventListener("visibilitychange", () => this.#schedule(), { signal: this.#abort.signal });
  }

  seen(offset: number): void {
    this.#seen = Math.max(this.#seen, offset);
    this.#schedule();
  }

  close(): void {
    this.#abort.abort();
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (document.hidden || this.#seen <= this.#told) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#send(), PAUSE_MS);
  }

  async #send(): Promise<void> {
    const offset = this.#seen;
    try {
      await this.#tell(offset);
      this.#told = Math.max(this.#told, offset);
    } catch {
      // The next message or visit tells it.
    }
  }
}
