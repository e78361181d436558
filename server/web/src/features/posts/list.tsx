/** A list of posts that is read page by page. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { PageList, type Read } from "../../ui/page-list";
import { Spinner } from "../../ui/parts";
import type { AnyPost, Post } from "./calls";
import { PostCard } from "./card";
import type { MenuAct } from "./menu";
import { t } from "./words";

interface Props<T extends AnyPost> {
  read: Read<T>;
  /** Another one reads anew. */
  of: string;
  /** Shown where there is none. */
  empty: ComponentChildren;
  /** More entries of the menu of each post. */
  acts?: (post: Post) => readonly MenuAct[];
}

export function PostList<T extends AnyPost>({ read, of, empty, acts }: Props<T>) {
  const [list] = useState(() => new PageList<AnyPost>());
  useEffect(() => {
    void list.begin(read);
    return () => list.close();
  }, [of, me.value?.id]);
  const { items, next, failure } = list.state.value;
  return (
    <>
      {items && !items.length && !next && !failure && empty}
      {items && items.length > 0 && (
        <ol class="post-list">
          {items.map((post) => (
            <li key={post.id}>
              <PostCard post={post} {...(acts && { acts })} onChange={(changed) => list.replace({ ...changed, id: post.id })} />
            </li>
          ))}
        </ol>
      )}
      {Boolean(failure) && (
        <p class="form-error" role="alert">
          {sentence(failure)}{" "}
          <button type="button" class="button small" onClick={() => void (items ? list.more() : list.begin(read))}>
            {t("retry")}
          </button>
        </p>
      )}
      {!items && !failure && <Spinner />}
      {next && !failure && (
        <button type="button" class="button more" onClick={() => void list.more()}>
          {t("loadMore")}
        </button>
      )}
    </>
  );
}
