/** What a post's text is made of, as the server reads it, without a browser. */

export type Part = { kind: "text"; text: string } | { kind: "mention" | "tag" | "link"; text: string; href: string };

export const MAX_CHARACTERS = 2000;

const FOUND =
  /(?<link>https?:\/\/[^\s<>"'\\^`{|}]+)|(?<![A-Za-z0-9_@./])@(?<name>[A-Za-z0-9_]{3,30})(?![A-Za-z0-9_@]|\.[A-Za-z0-9])|(?<![A-Za-z0-9_&#/@])[#＃](?<tag>[\p{L}\p{M}\p{N}_\u200c]+)/giu;
const LINK_ENDS = /[.,;:!?،؛؟…»”’*_~]+$/u;
const MAX_TAG = 100;

/** The parts in order; together they are the text. Only those of `mentioned` are links to people. */
export function partsOf(text: string, mentioned: readonly string[]): Part[] {
  const names = new Set(mentioned.map((name) => name.toLowerCase()));
  const parts: Part[] = [];
  let at = 0;
  for (const found of text.matchAll(FOUND)) {
    const part = partOf(found[0], found.groups ?? {}, names);
    if (!part) continue;
    if (found.index > at) parts.push({ kind: "text", text: text.slice(at, found.index) });
    parts.push(part);
    at = found.index + part.text.length;
  }
  if (at < text.length) parts.push({ kind: "text", text: text.slice(at) });
  return parts;
}

function partOf(whole: string, { link, name, tag }: Record<string, string | undefined>, names: ReadonlySet<string>): Part | null {
  if (link) {
    const text = trimmed(link);
    return { kind: "link", text, href: text };
  }
  if (name) return names.has(name.toLowerCase()) ? { kind: "mention", text: whole, href: `/@${name}` } : null;
  if (!tag || [...tag].length > MAX_TAG || !/\p{L}/u.test(tag)) return null;
  return { kind: "tag", text: whole, href: `/hashtags/${encodeURIComponent(tag)}` };
}

/** A link without the punctuation behind it; a bracket belongs to it if it was opened in it. */
function trimmed(link: string): string {
  let text = link.replace(LINK_ENDS, "");
  while (/[)\]]$/.test(text)) {
    const closing = text.at(-1) ?? "";
    const opening = closing === ")" ? "(" : "[";
    if (text.split(opening).length >= text.split(closing).length) break;
    text = text.slice(0, -1).replace(LINK_ENDS, "");
  }
  return text;
}

/** Characters as people count them (UAX 29). */
export function characters(text: string): number {
  if (typeof Intl.Segmenter === "undefined") return [...text].length;
  let count = 0;
  for (const _ of new Intl.Segmenter().segment(text)) count += 1;
  return count;
}
