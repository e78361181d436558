/** A text that several people write, without a browser: what a field's new value changes, and where a caret goes. */
import * as Y from "yjs";

export interface Edit {
  at: number;
  removed: number;
  added: string;
}

const isHalf = (text: string, at: number): boolean => /[\uDC00-\uDFFF]/.test(text.charAt(at)) && at > 0;

/** The one edit that makes `after` of `before`; it does not cut a character of two units in half. */
export function editOf(before: string, after: string): Edit | null {
  if (before === after) return null;
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start += 1;
  while (start > 0 && (isHalf(before, start) || isHalf(after, start))) start -= 1;
  let end = 0;
  while (end < most - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1;
  while (end > 0 && (isHalf(before, before.length - end) || isHalf(after, after.length - end))) end -= 1;
  return { at: start, removed: before.length - start - end, added: after.slice(start, after.length - end) };
}

export function write(text: Y.Text, after: string): void {
  const edit = editOf(text.toString(), after);
  if (!edit) return;
  text.doc?.transact(() => {
    if (edit.removed) text.delete(edit.at, edit.removed);
    if (edit.added) text.insert(edit.at, edit.added);
  });
}

interface Step {
  retain?: number | undefined;
  insert?: unknown;
  delete?: number | undefined;
}

/** Where a caret is after others have changed the text before it. */
export function moved(caret: number, delta: readonly Step[]): number {
  let at = 0;
  let now = caret;
  for (const step of delta) {
    if (at > now) break;
    if (step.retain) at += step.retain;
    if (typeof step.insert === "string") {
      if (at < now) now += step.insert.length;
      at += step.insert.length;
    }
    if (step.delete) now -= Math.max(0, Math.min(step.delete, now - at));
  }
  return now;
}

export const toBase64 = (bytes: Uint8Array): string => {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
};
export const fromBase64 = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
