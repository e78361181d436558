/** What was found for the words of the address, `/search?q=…&kind=…`. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api/http";
import { query } from "../../router";
import { Empty, PageTitle, useInterval, useTitle } from "../../ui/parts";
import { GridSkeleton } from "../streams/card";
import { search, TABS, type Found, type Tab } from "./calls";
import { FoundList } from "./found";
import "./search.css";
import { t } from "./words";

const REFRESH_MS = 10_000;

interface Results {
  items: Found[] | null;
  next: string | null;
  failure: string | null;
}

const NONE: Results = { items: [], next: null, failure: null };

function useResults(words: string, tab: Tab) {
  const [results, setResults] = useState<Results>(NONE);
  const [attempt, setAttempt] = useState(0);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (!words) return setResults(NONE);
    const abort = new AbortController();
    setResults({ ...NONE, items: null });
    search(words, tab, "", abort.signal).then(
      ({ items, next }) => setResults({ items, next, failure: null }),
      (error: unknown) => abort.signal.aborted || setResults({ ...NONE, failure: sentence(error) }),
    );
    return () => abort.abort();
  }, [words, tab, attempt]);

  const more = async (): Promise<void> => {
    if (busy || !results.next) return;
    setBusy(true);
    try {
      const { items, next } = await search(words, tab, results.next);
      setResults((now) => ({ items: joined(now.items ?? [], items), next, failure: null }));
    } catch (error) {
      setResults((now) => ({ ...now, failure: sentence(error) }));
    } finally {
      setBusy(false);
    }
  };
  // The counts of viewers move while one looks; the order stays.
  const refresh = async (): Promise<void> => {
    const { items } = await search(words, tab).catch(() => NONE);
    if (items) setResults((now) => ({ ...now, items: now.items && renewed(now.items, items) }));
  };
  const isLive = results.items?.some((one) => one.kind === "stream" && one.state === "live") ?? false;
  useInterval(() => void refresh(), REFRESH_MS, isLive);
  return { ...results, busy, more, again: () => setAttempt((n) => n + 1) };
}

const key = (one: Found): string => `${one.kind} ${one.id}`;

function joined(before: Found[], items: Found[]): Found[] {
  const there = new Set(before.map(key));
  return [...before, ...items.filter((one) => !there.has(key(one)))];
}

function renewed(before: Found[], items: Found[]): Found[] {
  const latest = new Map(items.map((one) => [key(one), one]));
  return before.map((one) => latest.get(key(one)) ?? one);
}

const isTab = (name: string | null): name is Tab => TABS.some((tab) => tab === name);

export default function SearchPage() {
  const asked = new URLSearchParams(query.value);
  const words = (asked.get("q") ?? "").trim();
  const kind = asked.get("kind");
  const tab: Tab = isTab(kind) ? kind : "all";
  const { items, next, failure, busy, more, again } = useResults(words, tab);
  const title = words ? t("titleOf", { words }) : t("title");
  useTitle(title);
  return (
    <div class="page">
      <header class="search-head">
        <PageTitle>
          <bdi>{title}</bdi>
        </PageTitle>
        {words && <Tabs words={words} tab={tab} />}
        <p class="visually-hidden" role="status">
          {words && items && !failure ? t("found", { n: items.length }) : ""}
        </p>
      </header>
      {!items && <GridSkeleton />}
      {items && items.length > 0 && <FoundList items={items} />}
      {failure && (
        <Empty title={t("failed")}>
          <p>{failure}</p>
          <button type="button" class="button" onClick={items?.length ? () => void more() : again}>
            {t("again")}
          </button>
        </Empty>
      )}
      {items?.length === 0 && !failure && (
        <Empty title={words ? t("nothing") : t("ask")}>
          <p>{words ? t("nothingHint") : t("hint")}</p>
        </Empty>
      )}
      {next && !failure && (
        <button type="button" class="button more" disabled={busy} onClick={() => void more()}>
          {t("more")}
        </button>
      )}
    </div>
  );
}

function Tabs({ words, tab }: { words: string; tab: Tab }) {
  return (
    <nav class="search-tabs" aria-label={t("kinds")}>
      {TABS.map((name) => (
        <a
          key={name}
          href={`/search?${new URLSearchParams({ q: words, ...(name === "all" ? {} : { kind: name }) })}`}
          aria-current={name === tab ? "page" : undefined}
        >
          {t(name)}
        </a>
      ))}
    </nav>
  );
}
