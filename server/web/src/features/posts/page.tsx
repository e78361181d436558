/** A post with what it answers above and its replies below. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, sentence } from "../../api/http";
import { me } from "../../api/session";
import { loginPath, navigate, query } from "../../router";
import { when } from "../../ui/format";
import { Missing } from "../../ui/missing";
import { Empty, PageTitle, Spinner, useTitle } from "../../ui/parts";
import { editsOf, getThread, isDeleted, repliesOf, type AnyPost, type Edit, type Post, type Thread } from "./calls";
import { PostCard, type Answering } from "./card";
import { Composer } from "./composer";
import { PostList } from "./list";
import { useLivePost } from "./live";
import "./posts.css";
import { t } from "./words";

const REFUSED = [400, 404, 422];

/** What one came to write, by the address. */
const answering = (): Answering | null => {
  const asked = new URLSearchParams(query.peek()).get("answer");
  return asked === "reply" || asked === "quote" ? asked : null;
};

export default function PostPage({ postId }: { postId: string }) {
  const [thread, setThread] = useState<Thread | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const [round, setRound] = useState(0);
  const [quote, setQuote] = useState<Post | null>(null);
  const post = thread?.post;
  const title = post && !isDeleted(post) ? `${post.author.display_name || post.author.username}: ${post.text.slice(0, 60)}` : t("post");
  useTitle(title);
  const load = (): void => void getThread(postId).then(setThread, setFailure);
  useEffect(() => {
    setThread(null);
    setFailure(null);
    setQuote(null);
    load();
  }, [postId, me.value?.id]);
  useEffect(() => {
    if (post && !isDeleted(post) && answering() === "quote") setQuote(post);
  }, [post?.id]);
  const newReplies = useLivePost(post, (changed) => setThread((held) => held && { ...held, post: changed }), load);

  if (failure instanceof ApiError && REFUSED.includes(failure.status)) return <Missing title={t("noPost")} text={t("noPostText")} />;
  if (!thread || !post) {
    return (
      <div class="page centred">
        <PageTitle hidden>{t("post")}</PageTitle>
        {failure ? (
          <Empty title={t("notLoaded")}>
            <p>{sentence(failure)}</p>
          </Empty>
        ) : (
          <Spinner />
        )}
      </div>
    );
  }
  const change = (changed: AnyPost): void => setThread({ ...thread, post: changed });
  const focusReply = (): void => {
    if (!me.value) return navigate(loginPath());
    document.querySelector<HTMLElement>("[data-compose]")?.focus();
  };
  const answered = (): void => {
    newReplies.reset();
    setRound(round + 1);
  };
  return (
    <div class="page narrow post-page">
      <PageTitle hidden>{title}</PageTitle>
      {thread.ancestors.length > 0 && (
        <ol class="post-list post-ancestors" aria-label={t("answers")}>
          {thread.ancestors.map((one) => (
            <li key={one.id}>
              <PostCard post={one} />
            </li>
          ))}
        </ol>
      )}
      <PostCard post={post} isMain onChange={change} onReply={focusReply} onQuote={setQuote} />
      {!isDeleted(post) && post.edited_at && <History post={post} />}
      {quote && <Composer quote={quote} autoFocus onDropQuote={() => setQuote(null)} onSent={(sent) => navigate(`/posts/${sent.id}`)} />}
      {!isDeleted(post) && !quote && <Composer replyTo={postId} autoFocus={answering() === "reply"} onSent={answered} />}
      {newReplies.count > 0 && (
        <button type="button" class="button more" onClick={answered}>
          {t("newPosts", { n: newReplies.count })}
        </button>
      )}
      <h2 class="shelf-title">{t("replies")}</h2>
      <PostList of={`${postId}/${round}`} read={(cursor) => repliesOf(postId, cursor)} empty={<p class="post-none">{t("noReplies")}</p>} />
    </div>
  );
}

function History({ post }: { post: Post }) {
  const [edits, setEdits] = useState<Edit[] | null>(null);
  const load = (): void =>
    void editsOf(post.id).then(
      ({ items }) => setEdits(items),
      () => setEdits([]),
    );
  return (
    <details class="post-history" onToggle={(event) => event.currentTarget.open && load()}>
      <summary>{t("editedAt", { when: when(post.edited_at ?? post.created_at) })}</summary>
      {!edits && <Spinner />}
      <ol>
        {edits?.map((edit) => (
          <li key={edit.written_at}>
            <time dateTime={edit.written_at}>{when(edit.written_at)}</time>
            <p class="post-text" dir="auto">
              {edit.text}
            </p>
          </li>
        ))}
      </ol>
    </details>
  );
}
