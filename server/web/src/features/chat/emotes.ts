/** The emotes of a room: pictures that stand for `:name:`. Without a browser, but for the pictures themselves. */

/** Addresses by name. */
export type Emotes = ReadonlyMap<string, string>;
/** A piece of a text: words, or an emote. */
export type Piece = string | { name: string; url: string };

const NAMED = /:([A-Za-z0-9_]{2,32})(?=:)/g;

/** Names that are no emote, or none any more, stay words. */
export function pieces(text: string, emotes: Emotes): Piece[] {
  const found: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(NAMED)) {
    const name = match[1] ?? "";
    const url = emotes.get(name);
    if (!url || match.index < from) continue;
    if (match.index > from) found.push(text.slice(from, match.index));
    found.push({ name, url });
    from = match.index + match[0].length + 1;
  }
  if (from < text.length || !found.length) found.push(text.slice(from));
  return found;
}
