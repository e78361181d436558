/** How long the page waits before it turns to its server again, without a browser. */

/** A restart takes seconds, and people are to be back within five of its end. */
const NEAR_MS = 3000;
/** Who has been away for longer is in no hurry. */
const FAR_MS = 15_000;
const LONG_AWAY_MS = 120_000;
const REFUSED_MS = 400;

/** The longest wait between two attempts of a page that has been without its server for `awayMs`. */
export const mostMs = (awayMs: number): number => (awayMs < LONG_AWAY_MS ? NEAR_MS : FAR_MS);

/** The wait after a handshake was refused for the nth time in a row. */
export const refusedMs = (refusals: number): number => Math.min(FAR_MS, REFUSED_MS * 2 ** Math.min(refusals, 6));
