/** What the owner of a room has drawn for it: emotes, and badges. */
import { useEffect, useState } from "preact/hooks";
import { request } from "../../api/http";
import type { Answer } from "../../api/types";
import type { Emotes } from "./emotes";

export interface Looks {
  emotes: Emotes;
  /** Addresses by the names in a message's `badges`. */
  badges: ReadonlyMap<string, string>;
}

export const NO_LOOKS: Looks = { emotes: new Map(), badges: new Map() };

/** None of what cannot be read now. */
export async function looksOf(username: string): Promise<Looks> {
  const of = `/users/${encodeURIComponent(username)}`;
  const [emotes, badges] = await Promise.allSettled([request<Answer<"listEmotesOf">>(`${of}/emotes`), request<Answer<"listBadgesOf">>(`${of}/badges`)]);
  return {
    emotes: new Map(emotes.status === "fulfilled" ? emotes.value.items.map(({ name, url }) => [name, url]) : []),
    badges: new Map(badges.status === "fulfilled" ? badges.value.items.map(({ kind, url }) => [kind, url]) : []),
  };
}

/** Of the rooms of this person; nothing before it is known who that is. */
export function useLooks(username: string | undefined): Looks {
  const [looks, setLooks] = useState(NO_LOOKS);
  useEffect(() => {
    let isOpen = true;
    setLooks(NO_LOOKS);
    if (username) void looksOf(username).then((found) => isOpen && setLooks(found));
    return () => void (isOpen = false);
  }, [username]);
  return looks;
}
