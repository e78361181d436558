/** What an overlay of a chat shows: the newest messages, bounded, in order. Needs no browser. */
import type { ChatEntry, ChatMessage } from "../../api/types";

export const MAX_LINES = 30;

export const shownOf = (entries: readonly ChatEntry[]): ChatMessage[] => entries.filter((one): one is ChatMessage => !one.deleted).slice(-MAX_LINES);

/** What comes twice, or late, changes nothing. */
export function added(lines: readonly ChatMessage[], entries: readonly ChatEntry[]): ChatMessage[] {
  const last = lines.at(-1)?.offset ?? 0;
  return shownOf([...lines, ...entries.filter((one) => one.offset > last)]);
}

export const removed = (lines: readonly ChatMessage[], id: string): ChatMessage[] => lines.filter((one) => one.id !== id);

/** What was written up to an offset, by one person or by anybody. */
export const cleared = (lines: readonly ChatMessage[], upTo: number, userId: string | null): ChatMessage[] =>
  lines.filter((one) => one.offset > upTo || (userId !== null && one.user.id !== userId));
