/** The Markdown of articles, without a browser: headings, lists, paragraphs; strong words, code and links within them. */

export type Span = { kind: "text" | "strong" | "code"; text: string } | { kind: "link"; text: string; href: string };
export type Block = { kind: "heading"; level: 2 | 3; spans: Span[] } | { kind: "text"; spans: Span[] } | { kind: "list"; isOrdered: boolean; items: Span[][] };

const SPAN = /\*\*([^*]+)\*\*|`([^`]+)`|\[([^\]]+)\]\(([^)\s]+)\)/g;
const ITEM = /^(?:[-*]|(\d+)\.)\s+(.*)$/;

/** Only addresses of this page and of the web: what else is written as a link is text. */
const isAddress = (href: string): boolean => /^(\/(?!\/)|https?:\/\/|#)/.test(href);

export function spansOf(text: string): Span[] {
  const spans: Span[] = [];
  let at = 0;
  const plain = (to: number): void => void (to > at && spans.push({ kind: "text", text: text.slice(at, to) }));
  for (const found of text.matchAll(SPAN)) {
    plain(found.index);
    at = found.index + found[0].length;
    const [whole, strong, code, label, href] = found;
    if (strong) spans.push({ kind: "strong", text: strong });
    else if (code) spans.push({ kind: "code", text: code });
    else if (label && href && isAddress(href)) spans.push({ kind: "link", text: label, href });
    else spans.push({ kind: "text", text: whole });
  }
  plain(text.length);
  return spans;
}

export function blocksOf(text: string): Block[] {
  return text
    .replace(/\r\n?/g, "\n")
    .split(/\n\s*\n/)
    .map((part) => part.trim())
    .filter(Boolean)
    .map(blockOf);
}

function blockOf(part: string): Block {
  const heading = /^(#{1,3})\s+(.*)$/.exec(part);
  if (heading) return { kind: "heading", level: heading[1]?.length === 3 ? 3 : 2, spans: spansOf(heading[2] ?? "") };
  const first = ITEM.exec(part.split("\n")[0] ?? "");
  if (!first) return { kind: "text", spans: spansOf(part.replace(/\n/g, " ")) };
  return { kind: "list", isOrdered: first[1] !== undefined, items: itemsOf(part).map(spansOf) };
}

/** A line that begins no item goes on with the one before. */
function itemsOf(part: string): string[] {
  const items: string[] = [];
  for (const line of part.split("\n")) {
    const item = ITEM.exec(line.trim());
    if (item) items.push(item[2] ?? "");
    else items.push(`${items.pop() ?? ""} ${line.trim()}`.trim());
  }
  return items;
}
