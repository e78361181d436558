/** One item of a feed, with why it is there. */
import { Thumbnail } from "../streams/card";
import { isDeleted } from "../posts/calls";
import { PostCard } from "../posts/card";
import type { Item, PostItem } from "./calls";
import { t } from "./words";

/** That one follows the author is no news in a feed of those whom one follows. */
function why(item: Item): string | undefined {
  if (item.reason === "following") return undefined;
  if (item.reason === "hashtag") return t("whyHashtag", { tag: ("tag" in item && item.tag) || "" });
  if (item.reason === "community") return t("whyCommunity", { name: ("post" in item && item.post.community) || "" });
  const words = {
    live: "whyLive", own: "whyOwn", affinity: "whyAffinity", popular: "whyPopular", new: "whyNew",
  } as const;
  return t(words[item.reason]);
}

type Place = { position: number; size: number };
/** The list that keeps what is done with an item, such as a FeedList. */
type Keeps = { replace: (item: PostItem, by: PostItem | null) => void };

interface Props {
  list: Keeps;
  place: Place;
}

export function Entry({ item, list, place }: Props & { item: Item }) {
  if ("post" in item) return <PostEntry item={item} list={list} place={place} reason={why(item)} />;
  return <LiveItem item={item} place={place} />;
}

export function PostEntry({ item, list, place, reason }: Props & { item: PostItem; reason?: string | undefined }) {
  return (
    <PostCard
      post={item.post}
      place={place}
      reason={reason}
      onChange={(post) => list.replace(item, isDeleted(post) ? null : { ...item, post })}
    />
  );
}

function LiveItem({ item, place }: { item: Extract<Item, { stream: unknown }>; place: Place }) {
  const { stream } = item;
  return (
    <article class="post" tabIndex={-1} aria-posinset={place.position} aria-setsize={place.size}>
      {why(item) && <p class="post-reason">{why(item)}</p>}
      <a class="feed-live" href={`/watch/${stream.id}`}>
        <Thumbnail stream={stream} />
        <span>
          <b dir="auto">{stream.title}</b>
          <span class="feed-muted" dir="auto">
            {stream.owner.display_name || stream.owner.username}
          </span>
        </span>
      </a>
    </article>
  );
}
