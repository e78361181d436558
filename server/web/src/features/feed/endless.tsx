/** The items of a feed, with more of them as one comes near the end. */
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { sentence } from "../../api/http";
import { Empty, Spinner } from "../../ui/parts";
import type { Item, Kind } from "./calls";
import { Entry } from "./entry";
import { moveBy } from "./keys";
import type { FeedList } from "./list";
import { keyOf } from "./store";
import { t } from "./words";

const NONE = { home: "noPostsHome", live: "noPostsLive", explore: "noPostsExplore" } as const;

export function Endless({ list, kind, onExplore }: { list: FeedList<Item>; kind: Kind; onExplore: () => void }) {
  const { items, next, failure, isBusy, fresh } = list.state.value;
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!list.state.peek().items) void list.begin();
    const onKey = (event: KeyboardEvent): void => moveBy(event, box.current);
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [list]);
  useLayoutEffect(() => {
    scrollTo(0, list.place);
    const keep = (): void => void (list.place = scrollY);
    addEventListener("scroll", keep, { passive: true });
    return () => removeEventListener("scroll", keep);
  }, [list]);
  const renew = (): void => {
    scrollTo(0, 0);
    void list.begin();
  };
  return (
    <div class="feed-list">
      <p class="feed-fresh" role="status">
        {fresh > 0 && (
          <button type="button" class="button accent" onClick={renew}>
            {t("fresh", { n: fresh })}
          </button>
        )}
      </p>
      <div role={items?.length ? "feed" : undefined} aria-label={items?.length ? t("items") : undefined} aria-busy={isBusy} ref={box}>
        {items?.map((item, index) => (
          <Entry key={keyOf(item)} item={item} list={list} place={{ position: index + 1, size: next ? -1 : items.length }} />
        ))}
      </div>
      {items?.length === 0 && !isBusy && !failure && (
        <Empty title={t("noPosts")}>
          <p>{t(NONE[kind])}</p>
          {kind === "home" && (
            <button type="button" class="button" onClick={onExplore}>
              {t("toExplore")}
            </button>
          )}
        </Empty>
      )}
      {isBusy && <Spinner />}
      {Boolean(failure) && (
        <Empty title={t("noAnswer")}>
          <p>{sentence(failure)}</p>
          <button type="button" class="button" onClick={() => void (items && next ? list.more() : list.begin())}>
            {t("tryAgain")}
          </button>
        </Empty>
      )}
      {next && !failure && !list.isFull && <More onNear={() => void list.more()} />}
      {list.isFull && (
        <button type="button" class="button more" onClick={renew}>
          {t("newest")}
        </button>
      )}
    </div>
  );
}

/** A button that is pressed by coming near it. */
function More({ onNear }: { onNear: () => void }) {
  const end = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!end.current) return;
    const watcher = new IntersectionObserver(([entry]) => entry?.isIntersecting && onNear(), { rootMargin: "600px" });
    watcher.observe(end.current);
    return () => watcher.disconnect();
  });
  return (
    <button type="button" class="button more" ref={end} onClick={onNear}>
      {t("more")}
    </button>
  );
}
