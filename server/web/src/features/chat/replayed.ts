/** The messages of a recording at their moments, without a browser. */
import type { ChatEntry } from "../../api/types";

/** A jump of the position larger than this is a seek. */
const SEEK_MS = 1500;
const LOW_WATER = 30;

const timeOf = (entry: ChatEntry, last: number): number => (entry.deleted ? last : (entry.media_time_ms ?? last));

/** Where the messages of a replay come from. */
export interface ReplaySource {
  /** Another one begins anew. */
  key: string;
  /** From a moment of media time on, ascending; some of them. */
  from: (ms: number) => Promise<ChatEntry[]>;
  /** Those that follow an offset. */
  after: (offset: number) => Promise<ChatEntry[]>;
}

/** Walks through the log by media time: what is due is handed out once, in order, and pages are fetched ahead. */
export class Replay {
  #source: ReplaySource;
  #due: ChatEntry[] = [];
  #last = 0;
  #offset = 0;
  #done = false;
  #fetching = false;
  #generation = 0;
  #at: number | null = null;
  #steppedAt = 0;

  constructor(source: ReplaySource) {
    this.#source = source;
  }

  /**
   * The player is at `ms` of the video at the time `now`: the messages that are due since the last step, or "sought" when
   * it has jumped, and all begins anew. A hidden page steps rarely, so a step as long as the time that passed is no jump.
   */
  step(ms: number, now: number): ChatEntry[] | "sought" {
    const [last, elapsed] = [this.#at, now - this.#steppedAt];
    this.#at = ms;
    this.#steppedAt = now;
    if (last === null || ms < last - SEEK_MS || ms > last + SEEK_MS + 2.5 * elapsed) {
      void this.seek(ms);
      return "sought";
    }
    return this.take(ms).filter((entry) => !entry.deleted);
  }

  /** A message that was deleted meanwhile is not shown any more. */
  remove(id: string): void {
    this.#due = this.#due.filter((entry) => entry.id !== id);
  }

  /** The messages of a person, or all, up to an offset. */
  clear(upTo: number, userId: string | null): void {
    this.#due = this.#due.filter((entry) => entry.offset > upTo || (userId !== null && !entry.deleted && entry.user?.id !== userId));
  }

  /** Begin anew around a moment. */
  async seek(ms: number): Promise<void> {
    const generation = ++this.#generation;
    this.#due = [];
    this.#offset = 0;
    this.#last = 0;
    this.#done = false;
    this.#fetching = true;
    const entries = await this.#source.from(ms).catch(() => []);
    if (generation !== this.#generation) return;
    this.#fetching = false;
    this.#take(entries);
  }

  take(ms: number): ChatEntry[] {
    let n = 0;
    for (const entry of this.#due) {
      const at = timeOf(entry, this.#last);
      if (at > ms) break;
      this.#last = at;
      n += 1;
    }
    const out = this.#due.splice(0, n);
    if (this.#due.length < LOW_WATER) void this.#ahead();
    return out;
  }

  async #ahead(): Promise<void> {
    if (this.#fetching || this.#done || !this.#offset) return;
    const generation = this.#generation;
    this.#fetching = true;
    const entries = await this.#source.after(this.#offset).catch(() => null);
    if (generation !== this.#generation) return;
    this.#fetching = false;
    if (entries) this.#take(entries);
  }

  #take(entries: ChatEntry[]): void {
    const fresh = entries.filter((entry) => entry.offset > this.#offset);
    this.#done = fresh.length === 0;
    this.#offset = fresh.at(-1)?.offset ?? this.#offset;
    this.#due.push(...fresh);
  }
}

