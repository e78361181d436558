/** How conversations and their people are called. */
import { listed } from "../../ui/format";
import type { Conversation, Member } from "./calls";

export const nameOf = (person: Pick<Member, "display_name" | "username">): string => person.display_name || person.username;

/** Who talks; what only conversations know is left out elsewhere. */
export type Talker = Pick<Member, "id" | "username" | "display_name"> & Partial<Pick<Member, "is_blocked" | "state" | "read_offset">>;

/** People and the room that they talk in: a conversation, a community, or a cohort of a course. */
export interface Talk {
  readonly room_id: string;
  readonly title: string | null;
  readonly kind: Conversation["kind"] | "community" | "cohort";
  readonly state: Conversation["state"];
  readonly people: readonly Talker[];
}

export const othersIn = <T extends Talker>(one: { readonly people: readonly T[] }, ownId: string | undefined): T[] => one.people.filter(({ id }) => id !== ownId);

/** The title, or the names of the others; of nobody else the own name. */
export function titleOf(one: Pick<Talk, "title" | "people">, ownId: string | undefined): string {
  const others = othersIn(one, ownId);
  return one.title || listed((others.length ? others : one.people).map(nameOf));
}

/** Whom the newest message of one's own was read by: those who have read up to its offset. */
export const readersOf = (one: Talk, ownId: string | undefined, offset: number): Talker[] =>
  offset > 0 ? othersIn(one, ownId).filter(({ state, read_offset = 0 }) => state === "open" && read_offset >= offset) : [];
