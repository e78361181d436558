/** How long a clip may be, without a browser. */

/** What is not packaged yet is no part of it. */
const MARGIN_MS = 3000;

/** As many seconds before a moment as are wanted, as far as there are any; 1 at least. */
export function secondsBefore(atMs: number, wanted: number): number {
  return Math.max(1, Math.min(wanted, Math.floor((atMs - MARGIN_MS) / 1000)));
}
