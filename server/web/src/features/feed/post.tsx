/** A post in a feed. */
import { ago, count, when } from "../../ui/format";
import { Avatar } from "../../ui/parts";
import type { Post } from "./calls";

export function FeedPost({ post }: { post: Post }) {
  const shown = post.reposted ?? post;
  const name = shown.author.display_name || shown.author.username;
  return (
    <div class="feed-post">
      <Avatar of={shown.author} size={44} />
      <div class="feed-post-body">
        <p class="feed-post-head">
          <a href={`/@${shown.author.username}`}>
            <b dir="auto">{name}</b>
          </a>{" "}
          <span class="feed-muted" dir="ltr">
            @{shown.author.username}
          </span>{" "}
          <time class="feed-muted" dateTime={shown.created_at} title={when(shown.created_at)}>
            {ago(shown.created_at)}
          </time>
        </p>
        <p class="feed-post-text" dir="auto">
          {shown.text}
        </p>
        <p class="feed-muted" aria-hidden="true">
          ↩ {count(shown.counts.replies)} · ↻ {count(shown.counts.reposts)} · ♥{" "}
          {count(Object.values(shown.counts.reactions).reduce((sum, n) => sum + n, 0))}
        </p>
      </div>
    </div>
  );
}
