/** A person's posts on their profile, by kind; what is pinned comes first. */
import { useState } from "preact/hooks";
import { me } from "../../api/session";
import type { Page } from "../../api/types";
import { Empty } from "../../ui/parts";
import { postsOf, type AnyPost, type Kind, type Post } from "./calls";
import { PostCard } from "./card";
import { Composer } from "./composer";
import { PostList } from "./list";
import "./posts.css";
import { t } from "./words";

const KINDS: readonly Kind[] = ["posts", "replies", "media"];

export function ProfilePosts({ username, name }: { username: string; name: string }) {
  const [kind, setKind] = useState<Kind>("posts");
  const [round, setRound] = useState(0);
  const [pinned, setPinned] = useState<Post | null>(null);
  const isMine = me.value?.username === username;
  const read = async (cursor: string): Promise<Page<AnyPost>> => {
    const page = await postsOf(username, kind, cursor);
    if (!cursor) setPinned(page.pinned);
    return page;
  };
  return (
    <section class="profile-posts" aria-labelledby="profile-posts">
      <h2 id="profile-posts" class="visually-hidden">
        {t("posts")}
      </h2>
      <div class="post-tabs" role="group" aria-labelledby="profile-posts">
        {KINDS.map((one) => (
          <button key={one} type="button" class="post-tab" aria-pressed={kind === one} onClick={() => setKind(one)}>
            {t(one)}
          </button>
        ))}
        {isMine && (
          <a class="post-tab post-tab-link" href="/bookmarks">
            {t("bookmarks")}
          </a>
        )}
      </div>
      {isMine && kind === "posts" && <Composer onSent={() => setRound(round + 1)} />}
      {kind === "posts" && pinned && <PostCard post={pinned} reason={t("pinned")} />}
      <PostList
        of={`${username}/${kind}/${round}`}
        read={read}
        empty={
          <Empty title={t("none")}>
            <p>{t("noneText", { name })}</p>
          </Empty>
        }
      />
    </section>
  );
}
