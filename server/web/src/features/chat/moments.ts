/** Which live messages are shown, and when: each at the player's moment of the video. Needs no browser. */
import type { ChatEntry } from "../../api/types";

/** A player that says it is further behind than this is not waited for. */
export const MOST_BEHIND_MS = 30_000;
/** Less is not seen as late, and a timer for it would only cost. */
const LEAST_BEHIND_MS = 250;
/** More than this are shown at once: nobody waits for the end of a flood. */
const MOST_WAITING = 500;

interface Waiting {
  at: number;
  entry: ChatEntry;
}

export interface MomentsPort {
  now: () => number;
  /** Calls back once, after so many milliseconds; what it answers calls that off. */
  after: (ms: number, call: () => void) => () => void;
  show: (entries: ChatEntry[]) => void;
}

/** Lets messages out in the order in which they came, each as many milliseconds later as the player is behind. */
export class Moments {
  #waiting: Waiting[] = [];
  #callOff: (() => void) | null = null;
  readonly #port: MomentsPort;

  constructor(port: MomentsPort) {
    this.#port = port;
  }

  /** `behindMs`: of the player; 0 shows these, and what waited before them, at once. */
  take(entries: ChatEntry[], behindMs: number): void {
    const late = behindMs < LEAST_BEHIND_MS ? 0 : Math.min(behindMs, MOST_BEHIND_MS);
    // A player that has caught up must not have a message overtake an earlier one.
    const at = late === 0 ? 0 : Math.max(this.#waiting.at(-1)?.at ?? 0, this.#port.now() + late);
    this.#waiting.push(...entries.map((entry) => ({ at, entry })));
    if (late === 0 || this.#waiting.length > MOST_WAITING) this.#release(Infinity);
    else this.#arm();
  }

  /** A message that waits is shown as a deleted one, in its place. */
  remove(messageId: string): void {
    this.#blank(({ id }) => id === messageId);
  }

  clear(upTo: number, userId: string | null): void {
    this.#blank((entry) => entry.offset <= upTo && !entry.deleted && (userId === null || entry.user.id === userId));
  }

  /** Forgets what waits. */
  reset(): void {
    this.#callOff?.();
    this.#callOff = null;
    this.#waiting = [];
  }

  #blank(isGone: (entry: ChatEntry) => boolean): void {
    for (const one of this.#waiting) {
      if (isGone(one.entry)) one.entry = { id: one.entry.id, offset: one.entry.offset, deleted: true };
    }
  }

  #release(until: number): void {
    const due = this.#waiting.filter(({ at }) => at <= until);
    this.#waiting = this.#waiting.slice(due.length);
    this.#callOff?.();
    this.#callOff = null;
    if (due.length > 0) this.#port.show(due.map(({ entry }) => entry));
    this.#arm();
  }

  #arm(): void {
    const first = this.#waiting[0];
    if (!first || this.#callOff) return;
    this.#callOff = this.#port.after(Math.max(0, first.at - this.#port.now()), () => {
      this.#callOff = null;
      this.#release(this.#port.now());
    });
  }
}
