/** Which states of polls and predictions a viewer is shown, and when: needs no browser. */
import { MOST_BEHIND_MS } from "../chat/moments";

export interface Item {
  id: string;
  revision: number;
  state: string;
}

/** How long what has ended stays in view. */
export const KEEP_MS = 20_000;

interface Waiting<T> {
  at: number;
  item: T;
}

interface Known<T> {
  item: T;
  endedAt: number | null;
}

/**
 * Takes the states as they come and lets each out when the player has come to its moment: as many milliseconds later as
 * the player is behind. A state with a lower revision than one that is known is passed over.
 */
export class Board<T extends Item> {
  #waiting: Waiting<T>[] = [];
  #known = new Map<string, Known<T>>();
  readonly #hasEnded: (item: T) => boolean;

  constructor(hasEnded: (item: T) => boolean) {
    this.#hasEnded = hasEnded;
  }

  take(item: T, now: number, behindMs: number): void {
    this.#waiting.push({ at: now + Math.min(Math.max(0, behindMs), MOST_BEHIND_MS), item });
  }

  /** What is shown at this time, in the order in which it was opened. */
  shown(now: number): T[] {
    for (const { item, at } of this.#waiting.filter((waiting) => waiting.at <= now)) this.#apply(item, at);
    this.#waiting = this.#waiting.filter((waiting) => waiting.at > now);
    for (const [id, { endedAt }] of this.#known) if (endedAt !== null && endedAt + KEEP_MS <= now) this.#known.delete(id);
    return [...this.#known.values()].map(({ item }) => item);
  }

  #apply(item: T, at: number): void {
    const before = this.#known.get(item.id);
    if (before && before.item.revision > item.revision) return;
    // What had ended before it was ever shown is no news.
    if (!before && this.#hasEnded(item)) return;
    const endedAt = this.#hasEnded(item) ? (before?.endedAt ?? at) : null;
    this.#known.set(item.id, { item, endedAt });
  }
}

export interface Placed {
  media_time_ms: number | null;
  opened_at: string;
  closes_at: string;
}

/** Whether a recording shows it at this moment: from its opening until some time after its close. */
export function isInView({ media_time_ms: from, opened_at, closes_at }: Placed, atMs: number): boolean {
  if (from === null || atMs < from) return false;
  return atMs < from + Date.parse(closes_at) - Date.parse(opened_at) + KEEP_MS;
}

/** Parts of a whole as shares; nothing of nothing is nothing. */
export const shares = (parts: readonly number[]): number[] => {
  const whole = parts.reduce((sum, one) => sum + one, 0);
  return parts.map((one) => (whole ? one / whole : 0));
};
