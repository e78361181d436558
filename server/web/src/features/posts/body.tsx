/** What a post says: its text with its links, its warning, media, poll, quote, stream and link. */
import { useState } from "preact/hooks";
import { local } from "../../api/http";
import { Avatar } from "../../ui/parts";
import { ago, when } from "../../ui/format";
import type { SinglePost } from "./calls";
import { PostPoll, type Voted } from "./poll";
import { partsOf } from "./text";
import { PostVideo } from "./video";
import { t } from "./words";

interface Props {
  post: SinglePost;
  onVoted?: Voted;
}

export function PostBody({ post, onVoted }: Props) {
  const [isShown, setShown] = useState(!post.content_warning);
  return (
    <>
      {post.content_warning && (
        <p class="post-warning">
          <span dir="auto">{t("warning", { text: post.content_warning })}</span>
          <button type="button" class="button small" aria-expanded={isShown} onClick={() => setShown(!isShown)}>
            {t(isShown ? "hide" : "show")}
          </button>
        </p>
      )}
      {isShown && <Content post={post} {...(onVoted ? { onVoted } : {})} />}
    </>
  );
}

function Content({ post, onVoted }: Props) {
  return (
    <>
      {post.text && <PostText post={post} />}
      {post.media.length > 0 && <Gallery post={post} />}
      {post.poll && <PostPoll post={post} poll={post.poll} {...(onVoted ? { onVoted } : {})} />}
      {post.stream && <StreamOf stream={post.stream} />}
      {post.preview && !post.media.length && <LinkPreview preview={post.preview} />}
    </>
  );
}

export function PostText({ post }: { post: SinglePost }) {
  const names = post.mentions.map((one) => one.username);
  return (
    <p class="post-text" dir="auto" {...(post.language ? { lang: post.language } : {})}>
      {partsOf(post.text, names).map((part) =>
        part.kind === "text" ? (
          part.text
        ) : part.kind === "link" ? (
          <a href={part.href} rel="ugc nofollow noopener" target="_blank">
            {part.text.replace(/^https?:\/\//i, "")}
          </a>
        ) : (
          <a href={part.href}>
            <bdi>{part.text}</bdi>
          </a>
        ),
      )}
    </p>
  );
}

function Gallery({ post }: { post: SinglePost }) {
  return (
    <ul class="post-media" data-count={Math.min(post.media.length, 4)}>
      {post.media.map((one) => (
        <li key={one.id}>
          {one.kind === "video" ? (
            <PostVideo media={one} />
          ) : one.kind === "audio" ? (
            <audio src={local(one.url)} aria-label={one.alt} controls preload="none" />
          ) : (
            <a href={local(one.url)} target="_blank" rel="noopener">
              <img
                src={local(one.preview_url ?? one.url)}
                alt={one.alt}
                width={one.width ?? undefined}
                height={one.height ?? undefined}
                loading="lazy"
                decoding="async"
              />
            </a>
          )}
        </li>
      ))}
    </ul>
  );
}

function StreamOf({ stream }: { stream: NonNullable<SinglePost["stream"]> }) {
  const isLive = stream.state === "live" || stream.state === "interrupted";
  const [hasPicture, setPicture] = useState(true);
  return (
    <a class="post-stream" href={`/watch/${stream.id}`}>
      {hasPicture && <img src={local(stream.thumbnail)} alt="" loading="lazy" decoding="async" onError={() => setPicture(false)} />}
      <span class="post-stream-text">
        {isLive && <span class="badge badge-live">{t("live")}</span>}
        <b dir="auto">{stream.title}</b>
        <span>{t(isLive ? "watch" : "watchRecording")}</span>
      </span>
    </a>
  );
}

function LinkPreview({ preview }: { preview: NonNullable<SinglePost["preview"]> }) {
  const [hasPicture, setPicture] = useState(true);
  return (
    <a class="post-link" href={preview.url} rel="ugc nofollow noopener" target="_blank">
      {hasPicture && preview.image_url && <img src={local(preview.image_url)} alt="" loading="lazy" decoding="async" onError={() => setPicture(false)} />}
      <b dir="auto">{preview.title}</b>
      {preview.description && <span dir="auto">{preview.description}</span>}
      <bdi class="post-link-site">{preview.site_name || new URL(preview.url).hostname}</bdi>
    </a>
  );
}

export function Quoted({ post }: { post: SinglePost | null }) {
  if (!post) return <p class="post-quote post-gone">{t("quoteGone")}</p>;
  const name = post.author.display_name || post.author.username;
  return (
    <div class="post-quote">
      <p class="post-head">
        <Avatar of={post.author} size={22} />
        <a href={`/@${post.author.username}`} class="post-name">
          <bdi>{name}</bdi>
        </a>
        <a class="post-time" href={`/posts/${post.id}`}>
          <time dateTime={post.created_at} title={when(post.created_at)}>
            {ago(post.created_at)}
          </time>
        </a>
      </p>
      <PostBody post={post} />
    </div>
  );
}
