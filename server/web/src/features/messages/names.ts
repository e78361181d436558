/** How conversations and their people are called. */
import { listed } from "../../ui/format";
import type { Conversation, Member } from "./calls";

export const nameOf = (person: Pick<Member, "display_name" | "username">): string => person.display_name || person.username;

export const othersIn = (one: Conversation, ownId: string | undefined): Member[] => one.people.filter(({ id }) => id !== ownId);

/** The title, or the names of the others; of nobody else the own name. */
export function titleOf(one: Conversation, ownId: string | undefined): string {
  const others = othersIn(one, ownId);
  return one.title || listed((others.length ? others : one.people).map(nameOf));
}

/** Whom the newest message of one's own was read by: those who have read up to its offset. */
export const readersOf = (one: Conversation, ownId: string | undefined, offset: number): Member[] =>
  offset > 0 ? othersIn(one, ownId).filter(({ state, read_offset }) => state === "open" && read_offset >= offset) : [];
