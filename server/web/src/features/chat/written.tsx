/** Names and texts of chat messages as nodes: only text, links and pictures are made, so nothing can become markup. */
import { useLayoutEffect, useRef } from "preact/hooks";
import type { ChatMessage } from "../../api/types";
import { type Emotes, pieces } from "./emotes";
import type { Looks } from "./looks";
import { t } from "./words";
import "./written.css";

const BADGES: Readonly<Record<string, () => string>> = {
  owner: () => t("host"),
  mod: () => t("moderator"),
  moderator: () => t("moderator"),
  vip: () => t("vip"),
  admin: () => t("staff"),
  subscriber: () => t("subscriber"),
  follower: () => t("longFollower"),
};
/** Worn only where the owner has drawn one: most followers have it, and a subscriber has the server's own. */
const DRAWN_ONLY: ReadonlySet<string> = new Set(["follower", ...["3", "6", "12", "24"].map((months) => `subscriber_${months}`)]);

export function badgeNodes(names: readonly string[], drawn: Looks["badges"]): Node[] {
  return names.flatMap((name) => {
    const label = BADGES[name]?.() ?? name;
    const url = drawn.get(name);
    if (url) return [pictureNode({ url, label, className: "chat-badge-drawn", px: 18, otherwise: () => textBadge(name, label) })];
    return DRAWN_ONLY.has(name) ? [] : [textBadge(name, label)];
  });
}

function textBadge(name: string, label: string): HTMLElement {
  const badge = document.createElement("span");
  badge.className = `chat-badge chat-badge-${name}`;
  badge.textContent = label;
  return badge;
}

export function nameNodes({ user }: ChatMessage, drawn: Looks["badges"]): Node[] {
  const link = document.createElement("a");
  link.href = `/@${encodeURIComponent(user.username)}`;
  link.textContent = user.display_name || user.username;
  link.tabIndex = -1;
  return [...badgeNodes(user.badges ?? [], drawn), link];
}

const LINK = /https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]]/g;

export function textNodes(text: string, emotes: Emotes): Node[] {
  if (!emotes.size || !text.includes(":")) return linkNodes(text);
  return pieces(text, emotes).flatMap((piece) => (typeof piece === "string" ? linkNodes(piece) : [emoteNode(piece)]));
}

function emoteNode({ name, url }: { name: string; url: string }): Node {
  const label = `:${name}:`;
  return pictureNode({ url, label, className: "emote", px: 28, otherwise: () => document.createTextNode(label) });
}

interface Drawn {
  url: string;
  label: string;
  className: string;
  px: number;
  /** In its place where it was removed. */
  otherwise: () => Node;
}

function pictureNode({ url, label, className, px, otherwise }: Drawn): Node {
  const picture = document.createElement("img");
  picture.className = className;
  picture.src = url;
  picture.alt = picture.title = label;
  picture.width = picture.height = px;
  picture.decoding = "async";
  picture.onerror = () => picture.replaceWith(otherwise());
  return picture;
}

/** Text with its web addresses as links. */
function linkNodes(text: string): Node[] {
  const nodes: Node[] = [];
  let from = 0;
  for (const match of text.matchAll(LINK)) {
    nodes.push(document.createTextNode(text.slice(from, match.index)));
    const link = document.createElement("a");
    link.href = match[0];
    link.textContent = match[0];
    link.rel = "noopener noreferrer nofollow ugc";
    link.target = "_blank";
    nodes.push(link);
    from = match.index + match[0].length;
  }
  nodes.push(document.createTextNode(text.slice(from)));
  return nodes;
}

/** A text with its emotes and links. */
export function Written({ text, emotes }: { text: string; emotes: Emotes }) {
  const into = useRef<HTMLElement>(null);
  useLayoutEffect(() => into.current?.replaceChildren(...textNodes(text, emotes)), [text, emotes]);
  return <bdi ref={into} />;
}

/** Before a name. */
export function Badges({ names, drawn }: { names: readonly string[]; drawn: Looks["badges"] }) {
  const into = useRef<HTMLSpanElement>(null);
  useLayoutEffect(() => into.current?.replaceChildren(...badgeNodes(names, drawn)), [names.join(), drawn]);
  return <span ref={into} />;
}
