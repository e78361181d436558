/** The comments of a video: the replies of its post. Its owner may make that post where there is none. */
import { useEffect, useState } from "preact/hooks";
import { me } from "../../api/session";
import { attempt } from "../../ui/sending";
import { isDeleted, postOfVideo, postVideo, repliesOf, type Post } from "./calls";
import { Composer } from "./composer";
import { PostList } from "./list";
import { useLivePost } from "./live";
import { t } from "./words";

interface Props {
  videoId: string;
  isMine: boolean;
}

export default function Comments({ videoId, isMine }: Props) {
  const [post, setPost] = useState<Post | null>(null);
  const [hasNone, setNone] = useState(false);
  const load = (): void =>
    void postOfVideo(videoId).then(
      (found) => setPost(isDeleted(found) ? null : found),
      () => setNone(true),
    );
  useEffect(() => {
    setPost(null);
    setNone(false);
    load();
  }, [videoId, me.value?.id]);
  if (post) return <Thread key={post.id} post={post} onChange={setPost} reload={load} />;
  if (!hasNone || !isMine) return null;
  const make = (): Promise<void> => attempt(async () => setPost((await postVideo(videoId)).post), t("sent"));
  return (
    <section class="panel" aria-labelledby="comments-title">
      <h2 id="comments-title">{t("comments")}</h2>
      <p class="dim">{t("noVideoPost")}</p>
      <button type="button" class="button" onClick={() => void make()}>
        {t("postVideo")}
      </button>
    </section>
  );
}

function Thread({ post, onChange, reload }: { post: Post; onChange: (post: Post) => void; reload: () => void }) {
  const [round, setRound] = useState(0);
  const newReplies = useLivePost(post, (changed) => !isDeleted(changed) && onChange(changed), reload);
  const answered = (): void => {
    newReplies.reset();
    setRound(round + 1);
  };
  return (
    <section aria-labelledby="comments-title">
      <h2 id="comments-title" class="shelf-title">
        <a href={`/posts/${post.id}`}>{t("comments")}</a>
      </h2>
      <Composer replyTo={post.id} onSent={answered} />
      {newReplies.count > 0 && (
        <button type="button" class="button more" onClick={answered}>
          {t("newPosts", { n: newReplies.count })}
        </button>
      )}
      <PostList of={`${post.id}/${round}`} read={(cursor) => repliesOf(post.id, cursor)} empty={<p class="post-none">{t("noReplies")}</p>} />
    </section>
  );
}
