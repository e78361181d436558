/** Which rows of a long list are drawn. */
const SPARE = 8;

export interface Rows {
  top: number;
  height: number;
  rowPx: number;
  rows: number;
}

/** From `start` up to `end`, which is not drawn: those in view, and some before and after. */
export function shownRows({ top, height, rowPx, rows }: Rows): { start: number; end: number } {
  const first = Math.floor(Math.max(0, top) / rowPx) - SPARE;
  const last = Math.ceil((Math.max(0, top) + height) / rowPx) + SPARE;
  const start = Math.min(Math.max(0, first), Math.max(0, rows - 1));
  return { start, end: Math.max(start, Math.min(rows, last)) };
}
