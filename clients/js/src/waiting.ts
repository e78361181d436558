/** Time: pauses between attempts, and the wait for what comes. */

const FIRST_MS = 250;
const MOST_MS = 15_000;

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Before the next attempt; of those in vain the first is 0. Twice as long each time, half of it by chance. */
export function pauseMs(attempt: number): number {
  const longest = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return longest * (0.5 + Math.random() / 2);
}

/** Wakes all that wait for a change. */
export class Change {
  #waiting: (() => void)[] = [];

  tell(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** Until the next `tell`; false after `ms` without one. */
  wait(ms = Infinity): Promise<boolean> {
    return new Promise((done) => {
      const late = ms === Infinity ? undefined : setTimeout(() => wake(false), ms);
      const wake = (isTold = true): void => {
        clearTimeout(late);
        this.#waiting = this.#waiting.filter((one) => one !== wake);
        done(isTold);
      };
      this.#waiting.push(wake);
    });
  }
}
