/** A post in a list or on its own: what it says, and what one does with it. Acts show at once and roll back. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { loginPath, navigate } from "../../router";
import { ago, count, when } from "../../ui/format";
import { ReplyIcon } from "../../ui/icons";
import { Avatar } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { ranked, withBookmark, withReaction, withRepost } from "./acts";
import { PostBody, Quoted } from "./body";
import { isDeleted, setBookmark, setReaction, setRepost, type AnyPost, type Post, type SinglePost } from "./calls";
import { BookmarkIcon, HeartIcon, QuoteIcon, RepostIcon } from "./icons";
import { type MenuAct, PostMenu } from "./menu";
import "./posts.css";
import { t } from "./words";

const HEART = "\u2764\ufe0f";

interface Props {
  post: AnyPost;
  /** Why it is here, above the post. */
  reason?: ComponentChildren;
  /** It is the one that the page is about: its time is written out. */
  isMain?: boolean;
  /** More entries of its menu. */
  acts?: (post: Post) => readonly MenuAct[];
  onChange?: (post: AnyPost) => void;
  onReply?: (post: Post) => void;
  onQuote?: (post: Post) => void;
  /** Where it stands in an element of the role feed, from 1, and of how many: -1 while more may follow. */
  place?: { position: number; size: number };
}

/** On its page, which opens the fields for it. */
export type Answering = "reply" | "quote";
const answer = (post: Post, how: Answering): void => navigate(`/posts/${post.id}?answer=${how}`);

export function PostCard({ post, reason, isMain = false, acts, onChange, onReply, onQuote, place }: Props) {
  const [held, setHeld] = useState<AnyPost>(post);
  useEffect(() => setHeld(post), [post]);
  if (isDeleted(held)) return <p class="post post-gone">{t("deleted")}</p>;
  const shown = shownOf(held);
  const change = (changed: AnyPost): void => {
    const whole = isDeleted(changed) || held.reposted === null ? changed : { ...held, reposted: changed };
    setHeld(whole);
    onChange?.(whole);
  };
  return (
    <article
      class={`post${isMain ? " post-main" : ""}`}
      aria-labelledby={`by-${held.id}`}
      aria-posinset={place?.position}
      aria-setsize={place?.size}
      tabIndex={-1}
      data-post={held.id}
    >
      {reason && <p class="post-reason">{reason}</p>}
      {held.reposted && <Reposted by={held.author} />}
      {shown.reply_to && !isMain && (
        <a class="post-reason" href={`/posts/${shown.id}`}>
          {t("replyTo")}
        </a>
      )}
      <Head post={shown} id={`by-${held.id}`} isMain={isMain}>
        {me.value && <PostMenu post={shown} onChange={change} {...(acts && { acts: acts(shown) })} />}
      </Head>
      <PostBody post={shown} onVoted={change} />
      {shown.quote_of && <Quoted post={shown.quoted} />}
      <Acts
        post={shown}
        onChange={change}
        onReply={onReply ?? ((to) => answer(to, "reply"))}
        onQuote={onQuote ?? ((to) => answer(to, "quote"))}
      />
    </article>
  );
}

/** What a repost repeats, else the post itself. */
export const shownOf = (post: Post): Post => (post.reposted ? { ...post.reposted, reposted: null } : post);

function Reposted({ by }: { by: SinglePost["author"] }) {
  const who = (
    <a href={`/@${by.username}`}>
      <bdi>{by.display_name || by.username}</bdi>
    </a>
  );
  return (
    <p class="post-reason">
      <RepostIcon /> {t.rich("reposted", { who })}
    </p>
  );
}

const READERS = { followers: "followersOnly", mentioned: "mentionedOnly", community: "communityOnly" } as const;

function Head({ post, id, isMain, children }: { post: SinglePost; id: string; isMain: boolean; children: ComponentChildren }) {
  const { author } = post;
  return (
    <header class="post-head" id={id}>
      <a href={`/@${author.username}`} tabIndex={-1} aria-hidden="true">
        <Avatar of={author} size={44} />
      </a>
      <span class="post-who">
        <a class="post-name" href={`/@${author.username}`}>
          <bdi>{author.display_name || author.username}</bdi>
        </a>
        <span class="post-meta">
          <bdi>@{author.username}</bdi>
          <a class="post-time" href={`/posts/${post.id}`}>
            <time dateTime={post.created_at} title={when(post.created_at)}>
              {isMain ? when(post.created_at) : ago(post.created_at)}
            </time>
          </a>
          {post.edited_at && (
            <a href={`/posts/${post.id}`} title={when(post.edited_at)}>
              {t("edited")}
            </a>
          )}
          {post.visibility !== "public" && <span class="badge">{t(READERS[post.visibility])}</span>}
        </span>
      </span>
      {children}
    </header>
  );
}

interface ActsProps {
  post: Post;
  onChange: (post: AnyPost) => void;
  onReply: (post: Post) => void;
  onQuote: (post: Post) => void;
}

function Acts({ post, onChange, onReply, onQuote }: ActsProps) {
  const { counts, viewer } = post;
  /** Shows the changed post, and the one before again if the server refuses. */
  const act = async (changed: Post, send: () => Promise<void>): Promise<void> => {
    if (!viewer) return navigate(loginPath());
    onChange(changed);
    try {
      await send();
    } catch (error) {
      onChange(post);
      toast(sentence(error), "bad");
    }
  };
  const react = (emoji: string): void => {
    const isOn = !viewer?.reactions.includes(emoji);
    void act(withReaction(post, emoji, isOn), () => setReaction(post.id, emoji, isOn));
  };
  const likes = counts.reactions[HEART] ?? 0;
  const isLiked = viewer?.reactions.includes(HEART) ?? false;
  const isReposted = viewer?.reposted ?? false;
  const isBookmarked = viewer?.bookmarked ?? false;
  return (
    <footer class="post-acts">
      <button
        type="button"
        class="post-act"
        aria-label={t("replyCount", { n: counts.replies })}
        data-act="reply"
        onClick={() => (viewer ? onReply(post) : navigate(loginPath()))}
      >
        <ReplyIcon /> {counts.replies > 0 && count(counts.replies)}
      </button>
      <button
        type="button"
        class="post-act"
        aria-label={t("repostCount", { n: counts.reposts })}
        aria-pressed={isReposted}
        disabled={post.visibility !== "public"}
        data-act="repost"
        onClick={() => void act(withRepost(post, !isReposted), () => setRepost(post.id, !isReposted))}
      >
        <RepostIcon /> {counts.reposts > 0 && count(counts.reposts)}
      </button>
      <button type="button" class="post-act" aria-label={t("likeCount", { n: likes })} aria-pressed={isLiked} data-act="like" onClick={() => react(HEART)}>
        <HeartIcon solid={isLiked} /> {likes > 0 && count(likes)}
      </button>
      {ranked(counts.reactions)
        .filter(([emoji]) => emoji !== HEART)
        .slice(0, 4)
        .map(([emoji, n]) => (
          <button
            key={emoji}
            type="button"
            class="post-act"
            aria-label={t("reactWith", { emoji, n })}
            aria-pressed={viewer?.reactions.includes(emoji) ?? false}
            onClick={() => react(emoji)}
          >
            {emoji} {count(n)}
          </button>
        ))}
      <button
        type="button"
        class="post-act"
        aria-label={t("quote")}
        disabled={post.visibility !== "public"}
        data-act="quote"
        onClick={() => (viewer ? onQuote(post) : navigate(loginPath()))}
      >
        <QuoteIcon />
      </button>
      <button
        type="button"
        class="post-act post-bookmark"
        aria-label={t("bookmark")}
        aria-pressed={isBookmarked}
        data-act="bookmark"
        onClick={() => void act(withBookmark(post, !isBookmarked), () => setBookmark(post.id, !isBookmarked))}
      >
        <BookmarkIcon solid={isBookmarked} />
      </button>
    </footer>
  );
}
