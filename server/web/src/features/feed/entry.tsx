/** One item of a feed, with why it is there. */
import { Thumbnail } from "../streams/card";
import type { Item } from "./calls";
import { FeedPost } from "./post";
import { t } from "./words";

function why(item: Item): string {
  if (item.reason === "hashtag") return t("whyHashtag", { tag: ("tag" in item && item.tag) || "" });
  const words = {
    live: "whyLive", following: "whyFollowing", own: "whyOwn", affinity: "whyAffinity", popular: "whyPopular", new: "whyNew",
  } as const;
  return t(words[item.reason]);
}

export function Entry({ item, position, size }: { item: Item; position: number; size: number }) {
  return (
    <article class="feed-item" tabIndex={-1} aria-posinset={position} aria-setsize={size}>
      <p class="feed-why">{why(item)}</p>
      {"post" in item ? <FeedPost post={item.post} /> : <LiveItem item={item} />}
    </article>
  );
}

function LiveItem({ item }: { item: Extract<Item, { stream: unknown }> }) {
  const { stream } = item;
  return (
    <a class="feed-live" href={`/watch/${stream.id}`}>
      <Thumbnail stream={stream} />
      <span>
        <b dir="auto">{stream.title}</b>
        <span class="feed-muted" dir="auto">
          {stream.owner.display_name || stream.owner.username}
        </span>
      </span>
    </a>
  );
}
