/** What the pages of the market share. */
import type { ComponentChildren } from "preact";
import { ApiError, sentence } from "../../api/http";
import { me } from "../../api/session";
import { path } from "../../router";
import { Missing } from "../../ui/missing";
import type { Pages } from "../../ui/pages";
import { Empty, PageTitle, Spinner } from "../../ui/parts";
import { t } from "./words";
import "./market.css";

const TABS = [
  ["/market", "title"],
  ["/market/orders", "orders"],
  ["/market/sales", "sales"],
] as const;

export function Head({ children }: { children?: ComponentChildren }) {
  return (
    <>
      <header class="market-head">
        <PageTitle>{t("title")}</PageTitle>
        {children}
      </header>
      {me.value && (
        <nav class="market-tabs" aria-label={t("title")}>
          {TABS.map(([to, label]) => (
            <a key={to} href={to} aria-current={path.value === to ? "page" : undefined}>
              {t(label)}
            </a>
          ))}
        </nav>
      )}
    </>
  );
}

/** The items that are there so far, and the way to more. */
export function Listed<T extends { id: string }>({ of, none, children }: { of: Pages<T>; none: string; children: (item: T) => ComponentChildren }) {
  const { items, next, failure, more } = of;
  return (
    <>
      {!items && !failure && <Spinner />}
      {items?.length === 0 && <Empty title={none} />}
      {items && items.length > 0 && <ul class="market-list">{items.map(children)}</ul>}
      {Boolean(failure) && (
        <Empty title={sentence(failure)}>
          <button type="button" class="button" onClick={more}>
            {t("retry")}
          </button>
        </Empty>
      )}
      {next && !failure && (
        <button type="button" class="button more" onClick={more}>
          {t("more")}
        </button>
      )}
    </>
  );
}

/** In place of what is not there yet, or not at all. */
export function Unread({ failure, title, text }: { failure: unknown; title: string; text: string }) {
  if (failure instanceof ApiError && [400, 404, 422].includes(failure.status)) return <Missing title={title} text={text} />;
  return (
    <div class="page centred">
      <PageTitle hidden>{t("title")}</PageTitle>
      {failure ? <Empty title={sentence(failure)} /> : <Spinner />}
    </div>
  );
}
