import { useEffect, useMemo, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { me } from "../../api/session";
import { Empty, PageTitle, Spinner, useTitle } from "../../ui/parts";
import { toast } from "../../ui/toasts";
import { followHashtag, readHashtag, type PostItem } from "./calls";
import { PostEntry } from "./entry";
import { FeedList } from "./list";
import { t } from "./words";
import "./feed.css";

export default function HashtagPage({ tag }: { tag: string }) {
  const [following, setFollowing] = useState(false);
  const list = useMemo(
    () =>
      new FeedList<PostItem>(
        async (cursor) => {
          const page = await readHashtag(tag, cursor);
          setFollowing(page.following);
          return page;
        },
        ({ post }) => post.id,
      ),
    [tag],
  );
  useTitle(`#${tag}`);
  useEffect(() => void list.begin(), [list]);
  const { items, next, failure, isBusy } = list.state.value;
  const follow = (): void => {
    setFollowing(!following);
    followHashtag(tag, !following).catch((error: unknown) => {
      setFollowing(following);
      toast(sentence(error), "bad");
    });
  };
  return (
    <div class="page narrow feed">
      <div class="feed-head">
        <PageTitle>
          <bdi>#{tag}</bdi>
        </PageTitle>
        {me.value && (
          <button type="button" class={`button${following ? "" : " accent"}`} aria-pressed={following} onClick={follow}>
            {following ? t("following") : t("follow")}
          </button>
        )}
      </div>
      <div class="feed-list" role={items?.length ? "feed" : undefined} aria-label={items?.length ? t("items") : undefined} aria-busy={isBusy}>
        {items?.map((item, index) => (
          <PostEntry key={item.post.id} item={item} list={list} place={{ position: index + 1, size: next ? -1 : items.length }} />
        ))}
      </div>
      {items?.length === 0 && <Empty title={t("noPosts")}>{<p>{t("noTag")}</p>}</Empty>}
      {Boolean(failure) && <Empty title={t("noAnswer")}>{<p>{sentence(failure)}</p>}</Empty>}
      {isBusy && <Spinner />}
      {next && !isBusy && !list.isFull && (
        <button type="button" class="button more" onClick={() => void list.more()}>
          {t("more")}
        </button>
      )}
    </div>
  );
}
