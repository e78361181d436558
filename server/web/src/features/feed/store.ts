/** The feeds that were looked at in this visit, so that a way back leads to the same place. */
import { effect, signal } from "@preact/signals";
import { me } from "../../api/session";
import { hear, onConnect } from "../../realtime/socket";
import { ORDERS, readFeed, type Item, type Kind, type Order, type Post } from "./calls";
import { FeedList } from "./list";

export const chosen = signal<{ kind: Kind; order: Order }>({ kind: "home", order: "latest" });

const lists = new Map<string, FeedList<Item>>();

export const keyOf = (item: Item): string => ("post" in item ? item.post.id : item.stream.id);

export function listOf(kind: Kind, order: Order): FeedList<Item> {
  const name = `${kind} ${order}`;
  const held = lists.get(name);
  if (held) return held;
  const made = new FeedList<Item>((cursor) => readFeed(kind, order, cursor), keyOf);
  lists.set(name, made);
  return made;
}

/** A person has published: it stands at once in their own feed, and in that of all if it is for all. */
export function published(post: Post): void {
  const kinds: Kind[] = post.visibility === "public" ? ["home", "explore"] : ["home"];
  for (const kind of kinds) for (const order of ORDERS) listOf(kind, order).put({ post, reason: "own", tag: null });
}

let started = false;

/** Once: hear of new posts, and begin anew for another person. */
export function start(): void {
  if (started) return;
  started = true;
  const home = (): FeedList<Item>[] => [listOf("home", "latest"), listOf("home", "ranked")];
  hear("feed:new", ({ count }) => home().forEach((list) => list.arrived(count)));
  let isFirst = true;
  onConnect(() => {
    const newest = listOf("home", "latest");
    // The first connection has missed nothing: the page is read at the same time.
    if (!isFirst) void newest.missed((item) => "post" in item).then((count) => count !== null && home().forEach((list) => list.expect(count)));
    isFirst = false;
  });
  let known = me.peek()?.id;
  effect(() => {
    if (me.value?.id === known) return;
    known = me.value?.id;
    lists.clear();
  });
}
